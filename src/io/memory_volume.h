// The disk below MemoryFileSystem: inodes and names, and what of both is durable. Failures are
// errno values. Not thread-safe. Private to src/io.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/memory_file_system.h"

namespace keyhold::io::memory {

template <typename T>
using Outcome = tl::expected<T, int>;

struct Inode;
using InodePtr = std::shared_ptr<Inode>;
using Names = std::map<std::string, InodePtr, std::less<>>;

struct FileChange {
  enum class Kind : std::uint8_t { write, truncate };
  Kind kind;
  std::uint64_t offset;  // of a truncation: the new size
  ByteVector data;
};

struct Inode {
  std::uint64_t number = 0;
  FileInfo::Type type = FileInfo::Type::file;
  WallTime modified;
  unsigned links = 0;    // names that lead here
  unsigned handles = 0;  // open files and locks

  // Of a file.
  ByteVector content;
  ByteVector durable;
  std::vector<FileChange> unsynced;  // make `content` from `durable`
  std::uint64_t reserved_end = 0;
  std::uint64_t charged_bytes = 0;  // what the volume's capacity gave
  unsigned shared_locks = 0;
  bool exclusive_lock = false;

  // Of a directory.
  Names names;
  Names durable_names;
};

// One atomic change of names: a creation, a removal, a link, a rename.
struct NameChange {
  struct Edit {
    InodePtr directory;
    std::string name;
    InodePtr target;  // none: the name goes
  };
  std::vector<Edit> edits;

  [[nodiscard]] bool touches(const Inode* directory) const;
  // Such a move is lost or kept with everything before it: two of them out of order could make a
  // loop of directories.
  bool moves_directory = false;
};

// Brings one change into a content.
void bring_into(const FileChange& change, ByteVector& content);
void bring_into(const NameChange::Edit& edit, Names& names);

class Volume {
 public:
  explicit Volume(const Clock& clock);
  ~Volume();
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  // What a crash leaves. `this` stays as it is.
  [[nodiscard]] std::unique_ptr<Volume> image(CrashPolicy policy, std::uint64_t seed) const;

  Outcome<InodePtr> find(std::string_view path) const;
  Outcome<InodePtr> create_file(std::string_view path);
  Outcome<void> rename(std::string_view from, std::string_view to);
  Outcome<void> link(std::string_view from, std::string_view to);
  Outcome<void> remove(std::string_view path);
  Outcome<void> make_directory(std::string_view path);
  Outcome<void> remove_directory(std::string_view path);
  Outcome<std::vector<std::string>> list(std::string_view path) const;
  Outcome<void> sync_directory(std::string_view path);
  [[nodiscard]] FileInfo info(const Inode& inode) const;

  Outcome<void> write(Inode& file, std::uint64_t offset, ByteView data);
  Outcome<void> truncate(Inode& file, std::uint64_t size_bytes);
  Outcome<void> reserve(Inode& file, std::uint64_t offset, std::uint64_t length);
  void sync(Inode& file);
  Outcome<void> set_raw(Inode& file, ByteView content);

  void add_handle(Inode& inode) { ++inode.handles; }
  void drop_handle(Inode& inode);

  void set_capacity(std::uint64_t bytes) { capacity_bytes_ = bytes; }
  [[nodiscard]] SpaceInfo space() const;

 private:
  friend class Imager;

  struct Place {
    InodePtr directory;
    std::string name;
    InodePtr inode;  // none: the name is free
  };
  Outcome<Place> place_of(std::string_view path) const;
  Outcome<Place> existing(std::string_view path) const;
  Outcome<Place> vacant(std::string_view path) const;
  InodePtr make_inode(FileInfo::Type type);
  void change_names(NameChange change);
  Outcome<void> charge(Inode& file, std::uint64_t size_bytes);
  void release_if_gone(Inode& inode);
  void record(Inode& file, FileChange change);
  [[nodiscard]] std::uint64_t largest_size(const Inode& file) const;

  const Clock& clock_;
  std::uint64_t device_;
  std::uint64_t next_number_ = 1;
  std::uint64_t capacity_bytes_ = std::numeric_limits<std::int64_t>::max();
  std::uint64_t used_bytes_ = 0;
  InodePtr root_;
  std::vector<std::weak_ptr<Inode>> directories_;  // in the order of their making
  std::vector<NameChange> unsynced_;               // in the order of their happening
};

}  // namespace keyhold::io::memory
