// Reading a log-like file: from beginning to end, or at random.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "store/files.h"
#include "store/log_cursor.h"

namespace keyhold::store {

class LogSequentialReader final : public SequentialFile {
 public:
  LogSequentialReader(const std::string& path, std::unique_ptr<io::File> file,
                      const HeaderBlock& header, KeySource& source)
      : file_(std::move(file)), cursor_(path, *file_, header, source) {}

  Result<std::size_t> read(MutableByteView out) override;
  Status skip(std::uint64_t bytes) override;

 private:
  Result<bool> refill();

  const std::unique_ptr<io::File> file_;
  LogCursor cursor_;
  ByteView rest_;  // of the current frame's payload
};

// A sparse index of at most 16 KiB, made as the file is walked, finds the frame before any offset.
class LogRandomReader final : public RandomFile {
 public:
  LogRandomReader(const std::string& path, std::unique_ptr<io::File> file,
                  const HeaderBlock& header, KeySource& source)
      : file_(std::move(file)),
        file_id_(header.slot().file_id),
        cursor_(path, *file_, header, source) {}

  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) override;
  void read_many(std::span<ReadRequest> requests) override;
  void advise_random(bool random) override;
  // Walks to the log's present end.
  [[nodiscard]] Result<std::uint64_t> size() override;
  [[nodiscard]] FileId id() const override { return file_id_; }

 private:
  struct Mark {
    std::uint64_t physical_offset;
    std::uint64_t number;
    std::uint64_t logical_bytes;
    std::uint32_t session;  // index into sessions_
  };
  static constexpr std::size_t kMaxMarks = 16384 / sizeof(Mark);

  Result<std::size_t> read_locked(std::uint64_t offset, MutableByteView out);
  void go_near(std::uint64_t offset);
  void remember(const LogPosition& position);
  Result<bool> step();

  const std::unique_ptr<io::File> file_;
  const FileId file_id_;
  std::mutex mutex_;
  LogCursor cursor_;
  ByteView payload_;         // of the frame before the cursor
  std::vector<Mark> marks_;  // rising
  std::uint64_t frames_between_marks_ = 16;
  std::vector<format::Salt> sessions_;  // one an opening for append
};

}  // namespace keyhold::store
