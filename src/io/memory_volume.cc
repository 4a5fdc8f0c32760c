#include "io/memory_volume.h"

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace keyhold::io::memory {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 32U;

std::uint64_t next_device() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

bool is_directory(const InodePtr& inode) {
  return inode && inode->type == FileInfo::Type::directory;
}

// Whether `inner` stands in or below `outer`.
bool holds(const InodePtr& outer, const InodePtr& inner) {
  if (outer == inner) return true;
  return std::ranges::any_of(outer->names, [&](const auto& entry) {
    return is_directory(entry.second) && holds(entry.second, inner);
  });
}

// rename(2): what may replace what.
Outcome<void> may_replace(const InodePtr& old, const InodePtr& by) {
  if (!old) return {};
  if (is_directory(by) && !is_directory(old)) return tl::unexpected(ENOTDIR);
  if (!is_directory(by) && is_directory(old)) return tl::unexpected(EISDIR);
  if (is_directory(old) && !old->names.empty()) return tl::unexpected(ENOTEMPTY);
  return {};
}

}  // namespace

bool NameChange::touches(const Inode* directory) const {
  return std::ranges::any_of(edits,
                             [&](const Edit& edit) { return edit.directory.get() == directory; });
}

void bring_into(const FileChange& change, ByteVector& content) {
  if (change.kind == FileChange::Kind::truncate) {
    content.resize(change.offset);
    return;
  }
  content.resize(std::max<std::uint64_t>(content.size(), change.offset + change.data.size()));
  copy_bytes(change.data, MutableByteView(content).subspan(change.offset));
}

void bring_into(const NameChange::Edit& edit, Names& names) {
  if (edit.target) {
    names.insert_or_assign(edit.name, edit.target);
  } else {
    names.erase(edit.name);
  }
}

Volume::Volume(const Clock& clock) : clock_(clock), device_(next_device()) {
  root_ = make_inode(FileInfo::Type::directory);
  root_->links = 1;
}

// A directory's present names and another's durable ones may lead in a circle.
Volume::~Volume() {
  for (const auto& weak : directories_) {
    const InodePtr directory = weak.lock();
    if (!directory) continue;
    const Names names = std::move(directory->names);
    const Names durable = std::move(directory->durable_names);
  }
}

InodePtr Volume::make_inode(FileInfo::Type type) {
  auto inode = std::make_shared<Inode>();
  inode->number = next_number_++;
  inode->type = type;
  inode->modified = clock_.wall_now();
  if (type == FileInfo::Type::directory) directories_.push_back(inode);
  return inode;
}

Outcome<Volume::Place> Volume::place_of(std::string_view path) const {
  if (!path.starts_with('/')) return tl::unexpected(EINVAL);
  Place place{.directory = root_, .name = {}, .inode = root_};
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    if (name.empty()) continue;
    if (!place.inode) return tl::unexpected(ENOENT);
    if (!is_directory(place.inode)) return tl::unexpected(ENOTDIR);
    place.directory = place.inode;
    place.name = name;
    const auto found = place.directory->names.find(name);
    place.inode = found == place.directory->names.end() ? nullptr : found->second;
  }
  return place;
}

Outcome<Volume::Place> Volume::existing(std::string_view path) const {
  auto place = place_of(path);
  if (place && !place->inode) return tl::unexpected(ENOENT);
  return place;
}

Outcome<Volume::Place> Volume::vacant(std::string_view path) const {
  auto place = place_of(path);
  if (place && place->inode) return tl::unexpected(EEXIST);
  return place;
}

void Volume::change_names(NameChange change) {
  for (const auto& edit : change.edits) {
    const auto old = edit.directory->names.find(edit.name);
    const InodePtr replaced = old == edit.directory->names.end() ? nullptr : old->second;
    if (edit.target) ++edit.target->links;
    bring_into(edit, edit.directory->names);
    edit.directory->modified = clock_.wall_now();
    if (!replaced) continue;
    --replaced->links;
    release_if_gone(*replaced);
  }
  unsynced_.push_back(std::move(change));
}

Outcome<InodePtr> Volume::find(std::string_view path) const {
  KEYHOLD_TRY_ASSIGN(const Place place, existing(path));
  return place.inode;
}

Outcome<InodePtr> Volume::create_file(std::string_view path) {
  KEYHOLD_TRY_ASSIGN(const Place place, vacant(path));
  InodePtr file = make_inode(FileInfo::Type::file);
  change_names({.edits = {{place.directory, place.name, file}}});
  return file;
}

Outcome<void> Volume::rename(std::string_view from, std::string_view to) {
  KEYHOLD_TRY_ASSIGN(const Place source, existing(from));
  KEYHOLD_TRY_ASSIGN(const Place target, place_of(to));
  if (source.inode == target.inode) return {};
  KEYHOLD_TRY(may_replace(target.inode, source.inode));
  const bool directory = is_directory(source.inode);
  if (directory && holds(source.inode, target.directory)) return tl::unexpected(EINVAL);
  // First the new name, so that the inode never counts as gone.
  change_names({.edits = {{target.directory, target.name, source.inode},
                          {source.directory, source.name, nullptr}},
                .moves_directory = directory});
  return {};
}

Outcome<void> Volume::link(std::string_view from, std::string_view to) {
  KEYHOLD_TRY_ASSIGN(const InodePtr inode, find(from));
  KEYHOLD_TRY_ASSIGN(const Place target, vacant(to));
  if (is_directory(inode)) return tl::unexpected(EPERM);
  change_names({.edits = {{target.directory, target.name, inode}}});
  return {};
}

Outcome<void> Volume::remove(std::string_view path) {
  KEYHOLD_TRY_ASSIGN(const Place place, existing(path));
  if (is_directory(place.inode)) return tl::unexpected(EISDIR);
  change_names({.edits = {{place.directory, place.name, nullptr}}});
  return {};
}

Outcome<void> Volume::make_directory(std::string_view path) {
  KEYHOLD_TRY_ASSIGN(const Place place, vacant(path));
  change_names({.edits = {{place.directory, place.name, make_inode(FileInfo::Type::directory)}}});
  return {};
}

Outcome<void> Volume::remove_directory(std::string_view path) {
  KEYHOLD_TRY_ASSIGN(const Place place, existing(path));
  if (place.inode == root_) return tl::unexpected(EBUSY);
  if (!is_directory(place.inode)) return tl::unexpected(ENOTDIR);
  if (!place.inode->names.empty()) return tl::unexpected(ENOTEMPTY);
  change_names({.edits = {{place.directory, place.name, nullptr}}});
  return {};
}

Outcome<std::vector<std::string>> Volume::list(std::string_view path) const {
  KEYHOLD_TRY_ASSIGN(const InodePtr inode, find(path));
  if (!is_directory(inode)) return tl::unexpected(ENOTDIR);
  std::vector<std::string> names;
  names.reserve(inode->names.size());
  for (const auto& [name, target] : inode->names) names.push_back(name);
  return names;
}

// The changes in the directory, and those that they stand on: all earlier ones in any directory
// that one of them touches.
Outcome<void> Volume::sync_directory(std::string_view path) {
  KEYHOLD_TRY_ASSIGN(const InodePtr directory, find(path));
  if (!is_directory(directory)) return tl::unexpected(ENOTDIR);
  std::vector<const Inode*> wanted{directory.get()};
  bool want_all = false;
  std::vector<NameChange> synced;
  std::vector<NameChange> left;
  for (; !unsynced_.empty(); unsynced_.pop_back()) {
    NameChange& change = unsynced_.back();
    const bool takes = want_all || std::ranges::any_of(wanted, [&](const Inode* inode) {
                         return change.touches(inode);
                       });
    if (takes) {
      for (const auto& edit : change.edits) wanted.push_back(edit.directory.get());
      want_all = want_all || change.moves_directory;
    }
    (takes ? synced : left).push_back(std::move(change));
  }
  unsynced_.assign(std::move_iterator(left.rbegin()), std::move_iterator(left.rend()));
  for (auto change = synced.rbegin(); change != synced.rend(); ++change) {
    for (const auto& edit : change->edits) bring_into(edit, edit.directory->durable_names);
  }
  return {};
}

FileInfo Volume::info(const Inode& inode) const {
  return FileInfo{.type = inode.type,
                  .size_bytes = inode.content.size(),
                  .device = device_,
                  .inode = inode.number,
                  .modified = inode.modified,
                  .links = inode.links};
}

Outcome<void> Volume::charge(Inode& file, std::uint64_t size_bytes) {
  const std::uint64_t wanted = std::max(size_bytes, file.reserved_end);
  if (wanted > kMaxFileBytes) return tl::unexpected(EFBIG);
  if (wanted > file.charged_bytes && wanted > largest_size(file)) return tl::unexpected(ENOSPC);
  used_bytes_ = used_bytes_ - file.charged_bytes + wanted;
  file.charged_bytes = wanted;
  return {};
}

std::uint64_t Volume::largest_size(const Inode& file) const {
  return file.charged_bytes + space().free_bytes;
}

void Volume::release_if_gone(Inode& inode) {
  if (inode.links != 0 || inode.handles != 0) return;
  used_bytes_ -= inode.charged_bytes;
  inode.charged_bytes = 0;
}

void Volume::drop_handle(Inode& inode) {
  --inode.handles;
  release_if_gone(inode);
}

void Volume::record(Inode& file, FileChange change) {
  bring_into(change, file.content);
  file.modified = clock_.wall_now();
  file.unsynced.push_back(std::move(change));
}

Outcome<void> Volume::write(Inode& file, std::uint64_t offset, ByteView data) {
  if (data.empty()) return {};
  if (offset > kMaxFileBytes) return tl::unexpected(EFBIG);
  const std::uint64_t end = offset + data.size();
  const auto charged = charge(file, std::max<std::uint64_t>(end, file.content.size()));
  if (!charged && charged.error() == ENOSPC && offset < largest_size(file)) {
    const ByteView fits = data.first(largest_size(file) - offset);
    KEYHOLD_TRY(write(file, offset, fits));
  }
  KEYHOLD_TRY(charged);
  record(file, {FileChange::Kind::write, offset, ByteVector(data.begin(), data.end())});
  return {};
}

Outcome<void> Volume::truncate(Inode& file, std::uint64_t size_bytes) {
  if (size_bytes < file.content.size()) file.reserved_end = std::min(file.reserved_end, size_bytes);
  KEYHOLD_TRY(charge(file, size_bytes));
  record(file, {FileChange::Kind::truncate, size_bytes, {}});
  return {};
}

Outcome<void> Volume::reserve(Inode& file, std::uint64_t offset, std::uint64_t length) {
  if (offset > kMaxFileBytes || length > kMaxFileBytes) return tl::unexpected(EFBIG);
  const std::uint64_t end = std::max(file.reserved_end, offset + length);
  KEYHOLD_TRY(charge(file, std::max<std::uint64_t>(end, file.content.size())));
  file.reserved_end = end;
  return {};
}

void Volume::sync(Inode& file) {
  for (const auto& change : file.unsynced) bring_into(change, file.durable);
  file.unsynced.clear();
}

Outcome<void> Volume::set_raw(Inode& file, ByteView content) {
  if (file.type != FileInfo::Type::file) return tl::unexpected(EISDIR);
  KEYHOLD_TRY(charge(file, content.size()));
  file.content.assign(content.begin(), content.end());
  file.durable = file.content;
  file.unsynced.clear();
  return {};
}

SpaceInfo Volume::space() const {
  const std::uint64_t free = capacity_bytes_ > used_bytes_ ? capacity_bytes_ - used_bytes_ : 0;
  return {.free_bytes = free, .total_bytes = capacity_bytes_};
}

}  // namespace keyhold::io::memory
