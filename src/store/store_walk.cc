// What stands below a store's root: its files, and the leftovers of a crash.
#include <algorithm>
#include <utility>

#include "store/store.h"

namespace keyhold::store {
namespace {

// Until the names have stood still for one; under a busy engine they never do.
constexpr int kMaxWalks = 6;

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_leftover(std::string_view path) {
  return name_of(path).starts_with(kTemporaryPrefix);
}

bool is_empty_lock_file(std::string_view path, const io::FileInfo& info) {
  return info.type == io::FileInfo::Type::file && name_of(path) == kLockFileName &&
         info.size_bytes == 0;
}

struct Found {
  std::vector<StoreName> names;
  // Something went while it was looked at: it may have another name, where nobody looked.
  bool moved = false;
};

// Everything below `folder` but the folders, depth first in the order of names. No link is
// followed.
Status walk(io::FileSystem& files, const std::string& folder, const std::string& excluded,
            Found& found) {
  const auto names = files.list(folder);
  if (!names && names.error().code() == Code::not_found) {
    found.moved = true;
    return {};
  }
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    std::string path = io::join_path(folder, name);
    if (path == excluded) continue;
    auto info = files.entry(path);
    if (!info && info.error().code() == Code::not_found) {
      found.moved = true;
      continue;
    }
    if (!info) return fail(info.error());
    if (info->type == io::FileInfo::Type::directory) {
      KEYHOLD_TRY(walk(files, path, excluded, found));
    } else {
      found.names.push_back({std::move(path), *info});
    }
  }
  return {};
}

Result<Found> walk_store(io::FileSystem& files, const std::string& root) {
  Found found;
  KEYHOLD_TRY_ASSIGN(const bool there, io::exists(files, root));
  if (!there) return fail(Code::not_found, "list " + root + ": no such directory");
  KEYHOLD_TRY(walk(files, root, io::join_path(root, kPrivateFolder), found));
  return found;
}

// False where its maker is alive, or it has got its true name, or it is gone by now.
Result<bool> remove_leftover(io::FileSystem& files, const std::string& path) {
  const auto passes = [](Code code) { return code == Code::busy || code == Code::not_found; };
  auto lock = files.lock(path);
  if (!lock && passes(lock.error().code())) return false;
  if (!lock) return fail(lock.error());
  const Status status = files.remove(path);
  if (!status && status.error().code() == Code::not_found) return false;
  KEYHOLD_TRY(status);
  return true;
}

}  // namespace

Result<std::vector<StoreName>> Store::list_names() {
  for (int attempt = 0;; ++attempt) {
    KEYHOLD_TRY_ASSIGN(Found found, walk_store(files_, root_));
    if (found.moved && attempt < kMaxWalks) continue;
    std::erase_if(found.names, [](const StoreName& name) {
      return is_leftover(name.path) || is_empty_lock_file(name.path, name.info);
    });
    return std::move(found.names);
  }
}

Result<std::vector<std::string>> Store::list_files() {
  KEYHOLD_TRY_ASSIGN(auto found, list_names());
  std::vector<std::string> paths;
  for (StoreName& name : found) paths.push_back(std::move(name.path));
  return paths;
}

Result<std::uint64_t> Store::remove_leftovers() {
  KEYHOLD_TRY_ASSIGN(const auto found, walk_store(files_, root_));
  std::uint64_t removed = 0;
  for (const auto& [path, info] : found.names) {
    if (!is_leftover(path) || info.type != io::FileInfo::Type::file) continue;
    KEYHOLD_TRY_ASSIGN(const bool gone, remove_leftover(files_, path));
    if (gone) ++removed;
  }
  return removed;
}

}  // namespace keyhold::store
