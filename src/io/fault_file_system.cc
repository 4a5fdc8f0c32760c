#include "io/fault_file_system.h"

#include <mutex>
#include <type_traits>

namespace keyhold::io {

// Counts operations and says which of them fail. Thread-safe.
class FaultFileSystem::Trigger {
 public:
  enum class Kind : std::uint8_t { change, other };

  void set(const Fault& fault) {
    const std::lock_guard guard(mutex_);
    fault_ = fault;
    count_ = 0;
    first_failure_.clear();
  }

  // Runs `work`, or fails in its place. `prefix` is the half of it that a short write does.
  template <typename Work, typename Prefix>
  auto run(Kind kind, const char* operation, const std::string& path, Work work, Prefix prefix)
      -> std::invoke_result_t<Work> {
    const Verdict verdict = judge(kind, operation, path);
    if (verdict.error_number == 0) return work();
    if (verdict.effect == Fault::Effect::everything) static_cast<void>(work());
    if (verdict.effect == Fault::Effect::prefix) prefix();
    return fail_errno(verdict.error_number, std::string(operation).append(" ").append(path));
  }

  template <typename Work>
  auto run(Kind kind, const char* operation, const std::string& path, Work work) {
    return run(kind, operation, path, std::move(work), [] {});
  }

  std::uint64_t count() const {
    const std::lock_guard guard(mutex_);
    return count_;
  }

  std::string first_failure() const {
    const std::lock_guard guard(mutex_);
    return first_failure_;
  }

 private:
  struct Verdict {
    int error_number = 0;
    Fault::Effect effect = Fault::Effect::nothing;
  };

  Verdict judge(Kind kind, const char* operation, const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (fault_.lasts == Fault::Lasts::stop_world && !first_failure_.empty()) return {EIO, {}};
    if (kind == Kind::other && fault_.counts == Fault::Counts::changes) return {};
    if (path.find(fault_.path_part) == std::string::npos) return {};
    ++count_;
    const bool fails = count_ == fault_.at ||
                       (fault_.lasts != Fault::Lasts::once && fault_.at != 0 && count_ > fault_.at);
    if (!fails) return {};
    if (first_failure_.empty()) first_failure_ = std::string(operation).append(" ").append(path);
    return {fault_.error_number, fault_.effect};
  }

  mutable std::mutex mutex_;
  Fault fault_;
  std::uint64_t count_ = 0;
  std::string first_failure_;
};

namespace {

using Trigger = FaultFileSystem::Trigger;
using Kind = Trigger::Kind;

class FaultFile final : public File {
 public:
  FaultFile(std::unique_ptr<File> inner, std::shared_ptr<Trigger> trigger, std::string path)
      : inner_(std::move(inner)), trigger_(std::move(trigger)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) override {
    return trigger_->run(Kind::other, "pread", path_, [&] { return inner_->read_at(offset, out); });
  }

  Status write_at(std::uint64_t offset, ByteView data) override {
    return trigger_->run(
        Kind::change, "pwrite", path_, [&] { return inner_->write_at(offset, data); },
        [&] { static_cast<void>(inner_->write_at(offset, data.first(data.size() / 2))); });
  }

  Status sync_data() override {
    return trigger_->run(Kind::change, "fdatasync", path_, [&] { return inner_->sync_data(); });
  }

  Status sync_all() override {
    return trigger_->run(Kind::change, "fsync", path_, [&] { return inner_->sync_all(); });
  }

  Status sync_range(std::uint64_t offset, std::uint64_t length, bool wait) override {
    return trigger_->run(Kind::change, "sync_file_range", path_,
                         [&] { return inner_->sync_range(offset, length, wait); });
  }

  Status truncate(std::uint64_t size_bytes) override {
    return trigger_->run(Kind::change, "ftruncate", path_,
                         [&] { return inner_->truncate(size_bytes); });
  }

  Status reserve(std::uint64_t offset, std::uint64_t length) override {
    return trigger_->run(Kind::change, "fallocate", path_,
                         [&] { return inner_->reserve(offset, length); });
  }

  Result<FileInfo> info() override {
    return trigger_->run(Kind::other, "fstat", path_, [&] { return inner_->info(); });
  }

  void advise(Advice advice, std::uint64_t offset, std::uint64_t length) override {
    inner_->advise(advice, offset, length);
  }

  void set_path(const std::string& path) override {
    inner_->set_path(path);
    path_ = path;
  }

  Status close() override {
    Status closed = inner_->close();
    return trigger_->run(Kind::other, "close", path_, [&] { return std::move(closed); });
  }

 private:
  const std::unique_ptr<File> inner_;
  const std::shared_ptr<Trigger> trigger_;
  std::string path_;
};

}  // namespace

FaultFileSystem::FaultFileSystem(FileSystem& inner)
    : inner_(inner), trigger_(std::make_shared<Trigger>()) {}

FaultFileSystem::~FaultFileSystem() = default;

void FaultFileSystem::set_fault(const Fault& fault) {
  trigger_->set(fault);
}

std::uint64_t FaultFileSystem::count() const {
  return trigger_->count();
}

bool FaultFileSystem::fired() const {
  return !first_failure().empty();
}

std::string FaultFileSystem::first_failure() const {
  return trigger_->first_failure();
}

Result<std::unique_ptr<File>> FaultFileSystem::open(const std::string& path,
                                                    const OpenOptions& options) {
  const bool creates = options.create != OpenOptions::Create::never;
  KEYHOLD_TRY_ASSIGN(std::unique_ptr<File> inner,
                     trigger_->run(creates ? Kind::change : Kind::other, "open", path,
                                   [&] { return inner_.open(path, options); }));
  return std::make_unique<FaultFile>(std::move(inner), trigger_, path);
}

Result<FileInfo> FaultFileSystem::info(const std::string& path) {
  return trigger_->run(Kind::other, "stat", path, [&] { return inner_.info(path); });
}

Result<FileInfo> FaultFileSystem::entry(const std::string& path) {
  return trigger_->run(Kind::other, "lstat", path, [&] { return inner_.entry(path); });
}

Status FaultFileSystem::rename(const std::string& from, const std::string& to) {
  return trigger_->run(Kind::change, "rename", from + " to " + to,
                       [&] { return inner_.rename(from, to); });
}

Status FaultFileSystem::link(const std::string& from, const std::string& to) {
  return trigger_->run(Kind::change, "link", from + " to " + to,
                       [&] { return inner_.link(from, to); });
}

Status FaultFileSystem::copy_attributes(const std::string& from, const std::string& to) {
  return trigger_->run(Kind::change, "copy attributes", from + " to " + to,
                       [&] { return inner_.copy_attributes(from, to); });
}

Status FaultFileSystem::remove(const std::string& path) {
  return trigger_->run(Kind::change, "unlink", path, [&] { return inner_.remove(path); });
}

Status FaultFileSystem::make_directory(const std::string& path, std::uint32_t mode) {
  return trigger_->run(Kind::change, "mkdir", path,
                       [&] { return inner_.make_directory(path, mode); });
}

Status FaultFileSystem::remove_directory(const std::string& path) {
  return trigger_->run(Kind::change, "rmdir", path, [&] { return inner_.remove_directory(path); });
}

Result<std::vector<std::string>> FaultFileSystem::list(const std::string& path) {
  return trigger_->run(Kind::other, "list", path, [&] { return inner_.list(path); });
}

Status FaultFileSystem::sync_directory(const std::string& path) {
  return trigger_->run(Kind::change, "fsync", path, [&] { return inner_.sync_directory(path); });
}

Result<std::unique_ptr<FileLock>> FaultFileSystem::lock(const std::string& path, bool shared) {
  return trigger_->run(Kind::change, "lock", path, [&] { return inner_.lock(path, shared); });
}

Result<SpaceInfo> FaultFileSystem::space(const std::string& path) {
  return trigger_->run(Kind::other, "statvfs", path, [&] { return inner_.space(path); });
}

}  // namespace keyhold::io
