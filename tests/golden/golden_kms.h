// The customer's KMS of a golden store, wherever it lies now: the store remembers it as
// local:///srv/customer-kms/orders.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "crypto/random.h"
#include "host/host.h"
#include "kms/local/client.h"
#include "kms/local/uri.h"

namespace keyhold::golden {

inline const kms::KeySpec& golden_key() {
  static const kms::KeySpec spec = [] {
    kms::KeySpec key;
    key.type = kms::KeyType::local;
    key.uri = KeyUri("local:///srv/customer-kms/orders");
    return key;
  }();
  return spec;
}

// A client of the same key at another place.
class MovedClient final : public kms::Client {
 public:
  MovedClient(kms::KeySpec spec, std::unique_ptr<kms::Client> moved)
      : spec_(std::move(spec)), moved_(std::move(moved)) {}

  [[nodiscard]] const kms::KeySpec& spec() const override { return spec_; }
  kms::Result<kms::WrappedKey> wrap(const crypto::Key256& key, const kms::WrapContext& context,
                                    Deadline deadline) override {
    return moved_->wrap(key, context, deadline);
  }
  kms::Result<kms::UnwrappedKey> unwrap(ByteView ciphertext, const kms::WrapContext& context,
                                        Deadline deadline) override {
    return moved_->unwrap(ciphertext, context, deadline);
  }
  kms::Result<kms::KeyDescription> describe(Deadline deadline) override {
    return moved_->describe(deadline);
  }
  kms::Result<std::string> probe(ByteView ciphertext, const kms::WrapContext& context,
                                 Deadline deadline) override {
    return moved_->probe(ciphertext, context, deadline);
  }

 private:
  const kms::KeySpec spec_;
  const std::unique_ptr<kms::Client> moved_;
};

// Clients of the LOCAL KMS in `directory`, whatever directory the key's URI names.
inline host::ClientFactory clients_of(const std::string& directory) {
  return [directory](const kms::KeySpec& spec,
                     const kms::Caller&) -> kms::Result<std::unique_ptr<kms::Client>> {
    kms::KeySpec moved = spec;
    const std::string& uri = spec.uri.str();
    moved.uri =
        kms::local::to_uri({.directory = directory, .name = uri.substr(uri.rfind('/') + 1)});
    auto client = kms::LocalClient::create(moved, io::posix_file_system(), system_clock(),
                                           crypto::system_random());
    if (!client) return client;
    return std::make_unique<MovedClient>(spec, *std::move(client));
  };
}

inline host::HostOptions host_options(const std::string& kms_directory) {
  host::HostOptions options;
  options.clients = clients_of(kms_directory);
  options.start_socket = false;
  options.program = "golden";
  return options;
}

}  // namespace keyhold::golden
