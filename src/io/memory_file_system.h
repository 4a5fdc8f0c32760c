// Files in memory that know what a power loss can take. For tests and simulation.
//
// The model: a file has its durable content and the writes and truncations since its last sync; a
// directory has its durable names and the creations, renames and removals since it was last synced.
// Syncing a file covers its content and size, never its name; syncing a directory covers the names
// in it, never the content of the files. A rename is atomic: the old state or the new one.
// Modes and owners are not kept. A direct file refuses what is not a multiple of 4096.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace keyhold::io {

namespace memory {
class Disk;
}

enum class CrashPolicy : std::uint8_t {
  // The process dies, the machine lives: all that was written is there, and as unsynced as before.
  kill,
  // The power goes. Of each file's unsynced writes any may be lost, kept, or torn between its
  // 512-byte sectors, later ones before earlier ones, and its size with them; truncations are lost
  // from some point on. A sector never holds a later write without the earlier ones in it. Of each
  // directory's unsynced changes those from some point on are lost.
  power_loss,
  // The power goes, and nothing that was not synced is there.
  lose_unsynced,
};

class MemoryFileSystem final : public FileSystem {
 public:
  // An empty root directory. `clock` dates the files, and lives as long.
  explicit MemoryFileSystem(const Clock& clock = system_clock());
  ~MemoryFileSystem() override;
  MemoryFileSystem(const MemoryFileSystem&) = delete;
  MemoryFileSystem& operator=(const MemoryFileSystem&) = delete;

  // What a crash at this instant leaves, chosen by the seed. This file system and every handle of
  // it answer EIO from now on; locks are free in the new one.
  std::unique_ptr<MemoryFileSystem> crash(CrashPolicy policy, std::uint64_t seed = 0);
  // The same, but nothing happens to this one.
  [[nodiscard]] std::unique_ptr<MemoryFileSystem> crash_image(CrashPolicy policy,
                                                              std::uint64_t seed = 0) const;

  // Sizes and reservations of all files above it fail with ENOSPC, after the prefix that fitted.
  void set_capacity(std::uint64_t bytes);

  // What an attacker with the disk reads and writes. A changed file counts as synced.
  Result<ByteVector> raw(const std::string& path);
  Status set_raw(const std::string& path, ByteView content);
  // Bit 0 is the lowest of the first byte.
  Status flip_bit(const std::string& path, std::uint64_t bit);

  Result<std::unique_ptr<File>> open(const std::string& path, const OpenOptions& options) override;
  Result<FileInfo> info(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status link(const std::string& from, const std::string& to) override;
  Status copy_attributes(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_directory(const std::string& path, std::uint32_t mode) override;
  Status remove_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, bool shared = false) override;
  Result<SpaceInfo> space(const std::string& path) override;

 private:
  explicit MemoryFileSystem(std::shared_ptr<memory::Disk> disk);

  std::shared_ptr<memory::Disk> disk_;
};

}  // namespace keyhold::io
