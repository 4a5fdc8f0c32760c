#include "kms/local/expiry.h"

#include <array>

#include <unistd.h>

#include "base/bytes.h"
#include "kms/local/lifecycle.h"

namespace keyhold::kms::local {

AccessLogEntry stamped_entry(const Clock& clock, crypto::Random& random, std::string_view operation,
                             const std::string& key) {
  std::array<std::uint8_t, 16> request_id{};
  random.fill(request_id);
  AccessLogEntry entry;
  entry.time = clock.wall_now();
  entry.request_id = to_hex(request_id);
  entry.operation = operation;
  entry.key = key;
  entry.pid = ::getpid();
  return entry;
}

Status destroy_if_due(Directory& directory, AccessLog& log, const std::string& name,
                      const Clock& clock, crypto::Random& random, Deadline deadline) {
  auto key = directory.load(name);
  if (!key || !deletion_due(*key, clock.wall_now())) return {};
  destroy(*key);
  KEYHOLD_TRY(directory.save(name, *key));
  AccessLogEntry entry = stamped_entry(clock, random, "destroy", name);
  entry.outcome = "ok";
  return log.append(entry, true, deadline);
}

}  // namespace keyhold::kms::local
