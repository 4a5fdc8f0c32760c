// DIR: where a devcloud keeps everything that outlives its process.
//
//   DIR/endpoints.json   ports, the CA's path, shell exports: for those who want to talk to it
//   DIR/ca.pem           the CA's certificate (0644), for clients to trust
//   DIR/ca.key, server.pem, server.key   (0600)
//   DIR/master.key       32 random bytes (0600); seals every secret of the state
//   DIR/admin.token      the bearer token of the admin API (0600)
//   DIR/state/NAME.json  one document a service, replaced as a whole
//   DIR/access.log       (access_log.h)
//   DIR/lock             flock: one process at a time
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/random.h"
#include "io/file_system.h"

namespace keyhold::devcloud {

// What the machine gives; all of it outlives the cloud.
struct Machine {
  io::FileSystem& files;
  const Clock& clock;
  crypto::Random& random;
};

// Thread-safe.
class Folder {
 public:
  // Makes DIR (0700) where it is not there. Code::busy where another process has it open.
  static Result<Folder> open(const Machine& machine, const std::string& path);

  [[nodiscard]] const Machine& machine() const { return machine_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string at(std::string_view name) const;

  // A document of the state: nothing where it was never saved. Durable and atomic once saved.
  [[nodiscard]] Result<std::optional<std::string>> load(std::string_view name) const;
  [[nodiscard]] Status save(std::string_view name, std::string_view text) const;

 private:
  Folder(const Machine& machine, std::string path, std::unique_ptr<io::FileLock> lock)
      : machine_(machine), path_(std::move(path)), lock_(std::move(lock)) {}

  Machine machine_;
  std::string path_;
  std::unique_ptr<io::FileLock> lock_;
};

}  // namespace keyhold::devcloud
