// The customer's side of a LOCAL KMS: a software KMS in a directory of theirs.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "crypto/random.h"
#include "io/file_system.h"
#include "kms/local/access_log.h"
#include "kms/local/directory.h"
#include "kms/local/messages/format.h"
#include "kms/local/messages/log_entry.h"

namespace keyhold::kms {

using LocalKeyState = local::State;  // enabled, disabled, pending_deletion, destroyed
using local::state_name;

struct LocalKeyInfo {
  std::string name;
  KeyUri uri;
  LocalKeyState state{};
  std::uint32_t primary_version = 0;  // 0 where destroyed
  std::size_t version_count = 0;
  WallTime created;
  std::optional<WallTime> deletion_date;  // where pending deletion or destroyed
  std::string damage;  // why the key's file cannot be read; the rest but name and uri is unset then
};

struct LocalKmsOptions {
  io::FileSystem* files = &io::posix_file_system();
  const Clock* clock = &system_clock();
  crypto::Random* random = &crypto::system_random();
  std::chrono::milliseconds lock_wait{10'000};  // then Code::busy
};

// Every change is durable when it returns, seen by every process's next request, and stands in the
// access log. An error of a change other than of its own rules (invalid_argument, not_found,
// already_exists, busy) may leave it made or not made, never half. Thread-safe.
class LocalKms {
 public:
  // Makes the KMS in a new or empty directory. Code::already_exists.
  static keyhold::Result<LocalKms> init(const std::string& directory,
                                        const LocalKmsOptions& options = {});
  // Code::not_found where there is none.
  static keyhold::Result<LocalKms> open(const std::string& directory,
                                        const LocalKmsOptions& options = {});

  // Code::already_exists where the name was ever given: a URI means one key for ever.
  keyhold::Result<LocalKeyInfo> create_key(const std::string& name);
  keyhold::Result<std::vector<LocalKeyInfo>> list();

  // Code::not_found; Code::busy where the key's state does not allow it (lifecycle.h).
  keyhold::Result<LocalKeyInfo> enable(const std::string& name);
  keyhold::Result<LocalKeyInfo> disable(const std::string& name);
  keyhold::Result<LocalKeyInfo> rotate(const std::string& name);
  // Refused from now on, gone for ever after `days` (1 to 365).
  keyhold::Result<LocalKeyInfo> schedule_deletion(const std::string& name, int days);
  // The key is disabled afterwards.
  keyhold::Result<LocalKeyInfo> cancel_deletion(const std::string& name);

  // The last `limit` entries of the access log, oldest first.
  keyhold::Result<std::vector<AccessLogEntry>> log(std::size_t limit = 1000) const;

  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  [[nodiscard]] KeyUri uri(const std::string& name) const;

 private:
  using Edit = std::function<Status(local::KeyFile&)>;

  LocalKms(const std::string& directory, const LocalKmsOptions& options);
  [[nodiscard]] Deadline lock_deadline() const;
  [[nodiscard]] LocalKeyInfo info_of(const std::string& name, const local::KeyFile& key) const;

  // One change under the exclusive lock, logged whatever its outcome.
  keyhold::Result<LocalKeyInfo> change(
      std::string_view operation, const std::string& name,
      const std::function<keyhold::Result<local::KeyFile>()>& make);
  keyhold::Result<LocalKeyInfo> edit(std::string_view operation, const std::string& name,
                                     const Edit& edit);
  keyhold::Result<local::KeyFile> load_living(const std::string& name);
  Status destroy_due();

  local::Directory directory_;
  local::AccessLog access_log_;
  LocalKmsOptions options_;
};

}  // namespace keyhold::kms
