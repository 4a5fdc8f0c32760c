#include "rocksdb/logger.h"

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>

#include <pthread.h>

#include "base/log.h"
#include "rocksdb/errors.h"

namespace keyhold::rocks {
namespace {

// "2024/05/06-07:08:09.123456 7f00aa message" is how the line begins. The thread's number is the
// one that Env::GetThreadID gives; RocksDB's Env may be gone when the last line of a process is
// written.
std::string line_head(WallTime now) {
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 96> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%04d/%02d/%02d-%02d:%02d:%02d.%06d %llx ", local.tm_year + 1900,
      local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
      static_cast<int>(micros % 1'000'000), static_cast<unsigned long long>(::pthread_self()));
  return {text.data(), static_cast<std::size_t>(size)};
}

void append_formatted(std::string& line, const char* format, std::va_list arguments) {
  std::va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  if (size > 0) {
    const std::size_t head = line.size();
    line.resize(head + static_cast<std::size_t>(size) + 1);
    std::vsnprintf(line.data() + head, static_cast<std::size_t>(size) + 1, format, again);
    line.pop_back();
  }
  va_end(again);
}

class Logger final : public rocksdb::Logger {
 public:
  Logger(std::shared_ptr<Volume> volume, std::unique_ptr<store::AppendFile> file,
         const Clock& clock)
      : volume_(std::move(volume)), file_(std::move(file)), clock_(clock) {}

  ~Logger() override {
    if (std::exchange(closed_, true)) return;
    static_cast<void>(close());
  }

  using rocksdb::Logger::Logv;
  void Logv(const char* format, std::va_list arguments) override {
    std::string line = line_head(clock_.wall_now());
    append_formatted(line, format, arguments);
    if (!line.ends_with('\n')) line += '\n';
    write(line);
  }

  void Flush() override { static_cast<void>(file_->flush()); }

  [[nodiscard]] std::size_t GetLogFileSize() const override { return file_->size(); }

 protected:
  rocksdb::Status CloseImpl() override { return close(); }

 private:
  void write(const std::string& line) {
    Status outcome = file_->append(as_bytes(line));
    if (outcome) outcome = file_->flush();
    if (outcome || failed_.exchange(true)) return;
    log::warning("RocksDB's LOG loses lines: " + outcome.error().message());
  }

  rocksdb::IOStatus close() { return to_io_status(file_->close()); }

  std::shared_ptr<Volume> volume_;  // outlives file_
  std::unique_ptr<store::AppendFile> file_;
  const Clock& clock_;
  std::atomic<bool> failed_ = false;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> make_logger(std::shared_ptr<Volume> volume,
                                             std::unique_ptr<store::AppendFile> file,
                                             const Clock& clock) {
  return std::make_shared<Logger>(std::move(volume), std::move(file), clock);
}

}  // namespace keyhold::rocks
