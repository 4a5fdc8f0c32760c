#include "kms/local/lifecycle.h"

#include <chrono>

#include "base/timestamp.h"

namespace keyhold::kms::local {
namespace {

tl::unexpected<keyhold::Error> conflict(std::string_view what) {
  return fail(Code::busy, std::string(what));
}

Status refuse_pending(const KeyFile& key) {
  if (key.state != State::pending_deletion) return {};
  return conflict("it is pending deletion on " + format_timestamp(*key.deletion_date) +
                  "; cancel the deletion first");
}

Status add_version(KeyFile& key, crypto::Random& random, WallTime now) {
  KEYHOLD_TRY_ASSIGN(crypto::Key256 material, crypto::Key256::generate(random));
  const std::uint32_t number = key.versions.empty() ? 1 : key.versions.back().number + 1;
  key.versions.push_back({.number = number, .created = now, .material = std::move(material)});
  key.primary = number;
  return {};
}

}  // namespace

keyhold::Result<KeyFile> new_key(crypto::Random& random, WallTime now) {
  KeyFile key;
  key.id = crypto::random_id<LocalKeyId>(random);
  key.created = now;
  KEYHOLD_TRY(add_version(key, random, now));
  return key;
}

Status enable(KeyFile& key) {
  KEYHOLD_TRY(refuse_pending(key));
  key.state = State::enabled;
  return {};
}

Status disable(KeyFile& key) {
  KEYHOLD_TRY(refuse_pending(key));
  key.state = State::disabled;
  return {};
}

Status rotate(KeyFile& key, crypto::Random& random, WallTime now) {
  KEYHOLD_TRY(refuse_pending(key));
  if (key.state == State::disabled) return conflict("it is disabled; enable it first");
  if (key.versions.size() >= kMaxKeyVersions) {
    return fail(Code::unsupported, "it has " + std::to_string(kMaxKeyVersions) +
                                       " versions, the most that a key can have");
  }
  return add_version(key, random, now);
}

Status schedule_deletion(KeyFile& key, int days, WallTime now) {
  KEYHOLD_TRY(refuse_pending(key));
  if (days < kMinDeletionDays || days > kMaxDeletionDays) {
    return fail(Code::invalid_argument, "a deletion is scheduled " +
                                            std::to_string(kMinDeletionDays) + " to " +
                                            std::to_string(kMaxDeletionDays) + " days ahead");
  }
  key.state = State::pending_deletion;
  key.deletion_date = now + std::chrono::days(days);
  return {};
}

Status cancel_deletion(KeyFile& key) {
  if (key.state != State::pending_deletion) return conflict("it is not pending deletion");
  key.state = State::disabled;
  key.deletion_date.reset();
  return {};
}

bool deletion_due(const KeyFile& key, WallTime now) {
  return key.state == State::pending_deletion && now >= *key.deletion_date;
}

void destroy(KeyFile& key) {
  key.state = State::destroyed;
  key.primary = 0;
  key.versions.clear();
}

std::string refusal(std::string_view name, const KeyFile& key) {
  const std::string subject = "key " + std::string(name);
  switch (key.state) {
    case State::enabled:
      return subject + " is enabled";
    case State::disabled:
      return subject + " is disabled";
    case State::pending_deletion:
      return subject + " is pending deletion on " + format_timestamp(*key.deletion_date);
    case State::destroyed:
      return subject + " was destroyed on " + format_timestamp(*key.deletion_date);
  }
  return subject;
}

}  // namespace keyhold::kms::local
