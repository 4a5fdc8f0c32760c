// Another file system, some operations of which fail. For tests: "for N = 1, 2, … until no fault
// fires, fail the Nth operation and see that nothing is lost".
#pragma once

#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace keyhold::io {

struct Fault {
  // Of the operations that count, the number of the one that fails; the first is 1. 0: none.
  std::uint64_t at = 0;
  int error_number = EIO;

  // Which operations count. Changes: opens that create, writes, truncations, reservations, renames,
  // links, removals, directories made and removed, locks, and all syncs. Everything: reads, opens,
  // infos, lists, space and closes too.
  enum class Counts : std::uint8_t { changes, everything };
  Counts counts = Counts::changes;
  // If set, only operations count whose path (or one of two) contains it.
  std::string path_part{};

  // What the failing operation does before it fails. A prefix: half of a write, nothing of anything
  // else. Everything: the caller is told of a failure that was none. A handle that fails to close
  // is closed, always.
  enum class Effect : std::uint8_t { nothing, prefix, everything };
  Effect effect = Effect::nothing;

  // How long it goes on. stop_world: every later operation fails with EIO, counted or not, as after
  // a crash.
  enum class Lasts : std::uint8_t { once, from_there_on, stop_world };
  Lasts lasts = Lasts::once;
};

class FaultFileSystem final : public FileSystem {
 public:
  // No fault until one is set. `inner` lives as long.
  explicit FaultFileSystem(FileSystem& inner);
  ~FaultFileSystem() override;
  FaultFileSystem(const FaultFileSystem&) = delete;
  FaultFileSystem& operator=(const FaultFileSystem&) = delete;

  // Takes the place of the fault before it and counts from 0, for open handles too. set_fault({})
  // ends all faults.
  void set_fault(const Fault& fault);
  // Operations that counted, failed ones included, since the fault was set.
  [[nodiscard]] std::uint64_t count() const;
  // Whether an operation has failed by our doing since the fault was set.
  [[nodiscard]] bool fired() const;
  // The first operation that failed by our doing, such as "pwrite /store/a"; empty if none did.
  [[nodiscard]] std::string first_failure() const;

  Result<std::unique_ptr<File>> open(const std::string& path, const OpenOptions& options) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<FileInfo> entry(const std::string& path) override;
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

  class Trigger;

 private:
  FileSystem& inner_;
  std::shared_ptr<Trigger> trigger_;
};

}  // namespace keyhold::io
