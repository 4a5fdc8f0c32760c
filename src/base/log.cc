#include "base/log.h"

#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/patient_writer.h"

namespace keyhold::log {
namespace {

Level level_from_environment() {
  const char* text = std::getenv("KEYHOLD_LOG");
  const std::string_view name = text == nullptr ? "info" : text;
  if (name == "debug") return Level::debug;
  if (name == "warning") return Level::warning;
  if (name == "error") return Level::error;
  return Level::info;
}

constexpr std::array kSpdlogLevels = {spdlog::level::debug, spdlog::level::info,
                                      spdlog::level::warn, spdlog::level::err};

// Under the logger's mutex.
class PatientSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.write({line.data(), line.size()});
  }
  void flush_() override {}

 private:
  PatientWriter writer_{STDERR_FILENO};
};

class Logger {
 public:
  Logger() : spdlog_("keyhold", std::make_shared<PatientSink>()) {
    spdlog_.set_level(spdlog::level::debug);
    spdlog_.set_pattern("%Y-%m-%dT%H:%M:%S.%e%z keyhold %l: %v");
  }

  void write(Level level, std::string_view message) {
    const std::lock_guard lock(mutex_);
    if (level < level_) return;
    if (sink_) {
      sink_(level, message);
    } else {
      spdlog_.log(kSpdlogLevels.at(static_cast<std::size_t>(level)), message);
    }
  }

  void set_level(Level level) {
    const std::lock_guard lock(mutex_);
    level_ = level;
  }

  void set_sink(std::function<void(Level, std::string_view)> sink) {
    const std::lock_guard lock(mutex_);
    sink_ = std::move(sink);
  }

 private:
  std::mutex mutex_;
  Level level_ = level_from_environment();
  std::function<void(Level, std::string_view)> sink_;
  spdlog::logger spdlog_;
};

// Never destroyed: an engine's threads may log while the process exits.
Logger& logger() {
  static auto* const instance = new Logger;
  return *instance;
}

}  // namespace

void debug(std::string_view message) {
  logger().write(Level::debug, message);
}
void info(std::string_view message) {
  logger().write(Level::info, message);
}
void warning(std::string_view message) {
  logger().write(Level::warning, message);
}
void error(std::string_view message) {
  logger().write(Level::error, message);
}

void set_level(Level level) {
  logger().set_level(level);
}
void set_sink(std::function<void(Level, std::string_view)> sink) {
  logger().set_sink(std::move(sink));
}

}  // namespace keyhold::log
