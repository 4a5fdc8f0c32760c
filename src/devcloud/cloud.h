// The customer's cloud on loopback: its services behind one HTTPS port and one plain HTTP port for
// metadata, its admin API, its state in a folder.
//
// Stopped and started again on the same folder, it is the same cloud: same CA, same keys, same
// tokens. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "devcloud/folder.h"

namespace keyhold::devcloud {

struct CloudOptions {
  std::string address = "127.0.0.1";
  // HTTPS and plain HTTP. 0: the port of last time, or one that is free.
  std::uint16_t port = 0;
  std::uint16_t metadata_port = 0;
};

class Cloud {
 public:
  // Listens when it returns, and has written DIR/endpoints.json. Code::busy where the folder or a
  // port is in use; Code::integrity where the state is damaged.
  static Result<std::unique_ptr<Cloud>> start(const Machine& machine, const std::string& directory,
                                              const CloudOptions& options);
  ~Cloud();
  Cloud(const Cloud&) = delete;
  Cloud& operator=(const Cloud&) = delete;

  // The content of endpoints.json: https, metadata, ca_file, admin_token_file, exports.
  [[nodiscard]] std::string endpoints_json() const;
  // The same for people: where it listens, and lines that a shell can take.
  [[nodiscard]] std::string greeting() const;

 private:
  struct Parts;
  explicit Cloud(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace keyhold::devcloud
