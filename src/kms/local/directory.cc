#include "kms/local/directory.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/log.h"
#include "crypto/secret.h"

namespace keyhold::kms::local {
namespace {

using crypto::SecretAccess;
using crypto::SecretBlock;

constexpr std::string_view kMarkerName = "keyhold-kms";
constexpr std::string_view kKeysName = "keys";
constexpr std::string_view kLockName = "lock";
constexpr std::string_view kGateName = "gate";
constexpr std::chrono::milliseconds kLockRetry{1};
constexpr std::size_t kMaxMarkerSizeBytes = 4096;  // room for that of a newer format

const io::OpenOptions kReadWrite{.access = io::OpenOptions::Access::read_write};

// The permissions of the files are this KMS's access policy; elsewhere a refusal of the operating
// system is only an accident.
keyhold::Error as_denial(const keyhold::Error& error) {
  if (error.code() != Code::permission) return error;
  return {Code::denied, error.message()};
}

// A directory that goes away under our hands says nothing of a key.
template <typename T>
keyhold::Result<T> outage_if_missing(keyhold::Result<T> result) {
  if (result || result.error().code() != Code::not_found) return result;
  return fail(Code::unavailable, result.error().message());
}

Status overwrite(io::File& file) {
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file.info());
  KEYHOLD_TRY(file.write_at(0, ByteVector(info.size_bytes)));
  return file.sync_data();
}

// Another name that leads to the file is a backup of the customer's.
Status overwrite_if_nameless(io::File& file) {
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file.info());
  if (info.links > 0) return fail(Code::already_exists, "a hard link still leads to it");
  return overwrite(file);
}

// The bytes of a key file go into secret memory only.
keyhold::Result<SecretBlock> read_secret(io::File& file) {
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file.info());
  if (info.size_bytes == 0 || info.size_bytes > kMaxKeyFileSizeBytes) {
    return fail(Code::integrity,
                "damaged key file: " + std::to_string(info.size_bytes) + " bytes long");
  }
  KEYHOLD_TRY_ASSIGN(SecretBlock block, SecretBlock::allocate(info.size_bytes));
  KEYHOLD_TRY_ASSIGN(const std::size_t size, file.read_at(0, block.bytes(SecretAccess::grant())));
  if (size != block.size()) return fail(Code::integrity, "damaged key file: it shrank");
  return block;
}

// What make() and an interrupted make() leave: locks, the keys' directory, the marker's temporary
// file.
bool is_ours(std::string_view name) {
  return name == kKeysName || name == kLockName || name == kGateName ||
         name.starts_with("." + std::string(kMarkerName));
}

}  // namespace

keyhold::Result<std::unique_ptr<io::FileLock>> wait_for_lock(io::FileSystem& files,
                                                             const Clock& clock,
                                                             const std::string& path, bool shared,
                                                             Deadline deadline) {
  while (true) {
    auto lock = files.lock(path, shared);
    if (lock || lock.error().code() != Code::busy) return lock;
    if (deadline.expired(clock)) {
      return fail(Code::busy, path + " is locked by another process");
    }
    std::this_thread::sleep_for(kLockRetry);  // bounded poll
  }
}

std::string Directory::inside(std::string_view name) const {
  return io::join_path(path_, name);
}

std::string Directory::key_path(std::string_view name) const {
  return io::join_path(inside(kKeysName), name);
}

Status Directory::make() {
  const auto ignore_existing = [](Status made) -> Status {
    if (!made && made.error().code() == Code::already_exists) return {};
    return made;
  };
  KEYHOLD_TRY(ignore_existing(files_->make_directory(path_, 0700)));
  KEYHOLD_TRY_ASSIGN(const auto names, files_->list(path_));
  if (std::find(names.begin(), names.end(), kMarkerName) != names.end()) {
    return fail(Code::already_exists, path_ + " is a LOCAL KMS already");
  }
  if (!std::all_of(names.begin(), names.end(), is_ours)) {
    return fail(Code::already_exists, path_ +
                                          " is not empty: a LOCAL KMS wants a directory of "
                                          "its own");
  }
  KEYHOLD_TRY(files_->sync_directory(io::parent_path(path_)));
  KEYHOLD_TRY(ignore_existing(files_->make_directory(inside(kKeysName), 0700)));
  KEYHOLD_TRY(files_->sync_directory(path_));
  return io::replace_file(*files_, inside(kMarkerName), serialize_marker());
}

Status Directory::check() const {
  const auto marker = io::read_file(*files_, inside(kMarkerName), kMaxMarkerSizeBytes);
  if (marker) return check_marker(*marker);
  switch (marker.error().code()) {
    case Code::not_found:
      return fail(Code::unavailable, "no LOCAL KMS at " + path_ + ": is it mounted?");
    case Code::invalid_argument:
      return check_marker({});
    default:
      return fail(as_denial(marker.error()));
  }
}

keyhold::Result<std::unique_ptr<io::FileLock>> Directory::take_lock(bool shared,
                                                                    Deadline deadline) const {
  KEYHOLD_TRY(check());
  KEYHOLD_TRY_ASSIGN(const auto gate,
                     wait_for_lock(*files_, *clock_, inside(kGateName), shared, deadline));
  return wait_for_lock(*files_, *clock_, inside(kLockName), shared, deadline);
}

keyhold::Result<std::unique_ptr<io::FileLock>> Directory::share(Deadline deadline) const {
  return outage_if_missing(take_lock(true, deadline));
}

keyhold::Result<std::unique_ptr<io::FileLock>> Directory::hold(Deadline deadline) const {
  return outage_if_missing(take_lock(false, deadline));
}

keyhold::Result<std::vector<std::string>> Directory::key_names() const {
  KEYHOLD_TRY_ASSIGN(auto names, files_->list(inside(kKeysName)));
  // No key's name starts with a dot; a temporary file's does.
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
  return names;
}

keyhold::Result<std::unique_ptr<io::File>> Directory::open_key(const std::string& name) const {
  auto file = files_->open(key_path(name), {});
  if (file) return file;
  if (file.error().code() != Code::not_found) return fail(as_denial(file.error()));
  // Only a KMS that is there and whole can say that it has no such key.
  KEYHOLD_TRY(check());
  const auto keys = files_->info(inside(kKeysName));
  if (!keys || keys->type != io::FileInfo::Type::directory) {
    return fail(Code::unavailable, inside(kKeysName) + " is missing: is the KMS mounted?");
  }
  return fail(Code::not_found, "no key " + name + " in the KMS " + path_);
}

keyhold::Result<KeyFile> Directory::load(const std::string& name) const {
  KEYHOLD_TRY_ASSIGN(const auto file, open_key(name));
  KEYHOLD_TRY_ASSIGN(const SecretBlock block, outage_if_missing(read_secret(*file)));
  auto key = parse_key_file(block.bytes(SecretAccess::grant()));
  if (!key) return fail(key.error().within(key_path(name)));
  return key;
}

Status Directory::make_durable() const {
  return outage_if_missing(files_->sync_directory(inside(kKeysName)));
}

Status Directory::save(const std::string& name, const KeyFile& key) {
  KEYHOLD_TRY_ASSIGN(const SecretBlock block, serialize_key_file(key));
  const auto before = files_->open(key_path(name), kReadWrite);
  KEYHOLD_TRY(io::replace_file(*files_, key_path(name), block.bytes(SecretAccess::grant())));
  if (!before) return {};
  if (const Status wiped = overwrite_if_nameless(**before); !wiped) {
    log::warning("LOCAL KMS: an old copy of " + key_path(name) +
                 " was not overwritten: " + wiped.error().message());
  }
  return {};
}

Status Directory::sweep() {
  KEYHOLD_TRY_ASSIGN(const auto names, files_->list(inside(kKeysName)));
  for (const std::string& name : names) {
    if (!name.starts_with('.')) continue;
    KEYHOLD_TRY_ASSIGN(const auto file, files_->open(key_path(name), kReadWrite));
    KEYHOLD_TRY(overwrite(*file));
    KEYHOLD_TRY(files_->remove(key_path(name)));
  }
  return {};
}

}  // namespace keyhold::kms::local
