#include "kms/local/admin.h"

#include "kms/local/expiry.h"
#include "kms/local/lifecycle.h"
#include "kms/local/uri.h"

namespace keyhold::kms {

using local::KeyFile;

namespace {

// Names the key, once.
keyhold::Error about_key(const std::string& name, const keyhold::Error& error) {
  const std::string subject = "key " + name;
  return error.message().find(subject) == std::string::npos ? error.within(subject) : error;
}

std::string no_name_twice(const std::string& name, const KeyFile& existing) {
  const bool gone = existing.state == local::State::destroyed;
  return (gone ? refusal(name, existing) : "key " + name + " is there already") +
         "; no name is given twice";
}

}  // namespace

LocalKms::LocalKms(const std::string& directory, const LocalKmsOptions& options)
    : directory_(directory, *options.files, *options.clock),
      access_log_(directory, *options.files, *options.clock),
      options_(options) {}

keyhold::Result<LocalKms> LocalKms::init(const std::string& directory,
                                         const LocalKmsOptions& options) {
  KEYHOLD_TRY(local::check_directory(directory));
  LocalKms kms(directory, options);
  KEYHOLD_TRY(kms.directory_.make());
  return kms;
}

keyhold::Result<LocalKms> LocalKms::open(const std::string& directory,
                                         const LocalKmsOptions& options) {
  KEYHOLD_TRY(local::check_directory(directory));
  LocalKms kms(directory, options);
  const Status found = kms.directory_.check();
  if (!found && found.error().code() == Code::unavailable) {
    return fail(Code::not_found, "no LOCAL KMS at " + directory +
                                     ": mount it, or make one with keyhold kms init " + directory);
  }
  KEYHOLD_TRY(found);
  return kms;
}

Deadline LocalKms::lock_deadline() const {
  return Deadline::after(*options_.clock, options_.lock_wait);
}

KeyUri LocalKms::uri(const std::string& name) const {
  return local::to_uri({.directory = directory(), .name = name});
}

LocalKeyInfo LocalKms::info_of(const std::string& name, const KeyFile& key) const {
  return {.name = name,
          .uri = uri(name),
          .state = key.state,
          .primary_version = key.primary,
          .version_count = key.versions.size(),
          .created = key.created,
          .deletion_date = key.deletion_date,
          .damage = {}};
}

keyhold::Result<KeyFile> LocalKms::load_living(const std::string& name) {
  KEYHOLD_TRY_ASSIGN(KeyFile key, directory_.load(name));
  if (key.state == local::State::destroyed || deletion_due(key, options_.clock->wall_now())) {
    return fail(Code::not_found, refusal(name, key));
  }
  return key;
}

// Keys whose date has come go at the next change or listing, and what crashes left behind with
// them.
Status LocalKms::destroy_due() {
  KEYHOLD_TRY(directory_.sweep());
  KEYHOLD_TRY_ASSIGN(const auto names, directory_.key_names());
  for (const std::string& name : names) {
    KEYHOLD_TRY(destroy_if_due(directory_, access_log_, name, *options_.clock, *options_.random,
                               lock_deadline()));
  }
  return {};
}

keyhold::Result<LocalKeyInfo> LocalKms::change(
    std::string_view operation, const std::string& name,
    const std::function<keyhold::Result<KeyFile>()>& make) {
  KEYHOLD_TRY(local::check_key_name(name));
  KEYHOLD_TRY_ASSIGN(const auto lock, directory_.hold(lock_deadline()));
  KEYHOLD_TRY(destroy_due());
  const auto key = make();
  const Status saved = key ? directory_.save(name, *key) : Status(fail(key.error()));
  AccessLogEntry entry = local::stamped_entry(*options_.clock, *options_.random, operation, name);
  entry.outcome = saved ? "ok" : code_name(saved.error().code());
  if (saved) entry.version = key->primary;
  const Status logged = access_log_.append(entry, true, lock_deadline());
  if (!saved) return fail(about_key(name, saved.error()));
  if (!logged) return fail(logged.error().within("the change was made, but not logged"));
  return info_of(name, *key);
}

keyhold::Result<LocalKeyInfo> LocalKms::edit(std::string_view operation, const std::string& name,
                                             const Edit& edit) {
  return change(operation, name, [&]() -> keyhold::Result<KeyFile> {
    KEYHOLD_TRY_ASSIGN(KeyFile key, load_living(name));
    KEYHOLD_TRY(edit(key));
    return key;
  });
}

keyhold::Result<LocalKeyInfo> LocalKms::create_key(const std::string& name) {
  return change("create", name, [&]() -> keyhold::Result<KeyFile> {
    const auto existing = directory_.load(name);
    if (existing) {
      return fail(Code::already_exists, no_name_twice(name, *existing));
    }
    if (existing.error().code() != Code::not_found) return fail(existing.error());
    return local::new_key(*options_.random, options_.clock->wall_now());
  });
}

keyhold::Result<LocalKeyInfo> LocalKms::enable(const std::string& name) {
  return edit("enable", name, local::enable);
}

keyhold::Result<LocalKeyInfo> LocalKms::disable(const std::string& name) {
  return edit("disable", name, local::disable);
}

keyhold::Result<LocalKeyInfo> LocalKms::rotate(const std::string& name) {
  return edit("rotate", name, [&](KeyFile& key) {
    return local::rotate(key, *options_.random, options_.clock->wall_now());
  });
}

keyhold::Result<LocalKeyInfo> LocalKms::schedule_deletion(const std::string& name, int days) {
  return edit("schedule_deletion", name, [&](KeyFile& key) {
    return local::schedule_deletion(key, days, options_.clock->wall_now());
  });
}

keyhold::Result<LocalKeyInfo> LocalKms::cancel_deletion(const std::string& name) {
  return edit("cancel_deletion", name, local::cancel_deletion);
}

keyhold::Result<std::vector<LocalKeyInfo>> LocalKms::list() {
  KEYHOLD_TRY_ASSIGN(const auto lock, directory_.hold(lock_deadline()));
  KEYHOLD_TRY(destroy_due());
  KEYHOLD_TRY_ASSIGN(const auto names, directory_.key_names());
  std::vector<LocalKeyInfo> keys;
  for (const std::string& name : names) {
    const auto key = directory_.load(name);
    LocalKeyInfo info = key ? info_of(name, *key) : LocalKeyInfo{};
    if (!key) {
      info.name = name;
      info.uri = uri(name);
      info.damage = key.error().message();
    }
    keys.push_back(std::move(info));
  }
  return keys;
}

keyhold::Result<std::vector<AccessLogEntry>> LocalKms::log(std::size_t limit) const {
  return access_log_.tail(limit, lock_deadline());
}

}  // namespace keyhold::kms
