// The places of a store's own records, below its root.
#pragma once

#include <string>
#include <string_view>

namespace keyhold::host {

struct StoreLayout {
  explicit StoreLayout(std::string_view store_path);

  std::string root;         // the store
  std::string directory;    // .keyhold, 0700; keyring.a and keyring.b lie in it
  std::string lock;         // held by the host; its text names the host
  std::string config;       // format/store_config.h
  std::string being_made;   // there from the first to the last step of initialise_store
  std::string socket;       // control.sock, 0600
  std::string policy;       // policy.toml (policy_file.h)
  std::string policy_next;  // policy.toml.next: the one that is about to be pinned
  std::string audit;        // the folder of the audit log (audit/log.h)
  std::string tombstone;    // there while an order keeps the store sealed (tombstone.h)
};

}  // namespace keyhold::host
