// A Volume with its lock, shared by a MemoryFileSystem and its handles. Private to src/io.
#pragma once

#include <cerrno>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>

#include "io/memory_volume.h"

namespace keyhold::io::memory {

class Disk {
 public:
  explicit Disk(std::unique_ptr<Volume> volume) : volume_(std::move(volume)) {}

  // Runs `work` on the volume under the lock, and tells its errno as the failure of `operation`.
  template <typename Work>
  auto run(std::string_view operation, std::string_view path, Work work)
      -> Result<typename std::invoke_result_t<Work, Volume&>::value_type> {
    const std::lock_guard guard(mutex_);
    const auto failed = [&](int error_number) {
      return fail_errno(error_number, std::string(operation).append(" ").append(path));
    };
    if (crashed_) return failed(EIO);
    auto outcome = work(*volume_);
    if (!outcome) return failed(outcome.error());
    if constexpr (std::is_void_v<typename decltype(outcome)::value_type>) {
      return {};
    } else {
      return *std::move(outcome);
    }
  }

  // The same for what cannot fail, and is done after a crash too.
  template <typename Work>
  auto with(Work work) {
    const std::lock_guard guard(mutex_);
    return work(*volume_);
  }

  std::unique_ptr<Volume> image(CrashPolicy policy, std::uint64_t seed, bool crash) {
    const std::lock_guard guard(mutex_);
    crashed_ = crashed_ || crash;
    return volume_->image(policy, seed);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Volume> volume_;
  bool crashed_ = false;
};

}  // namespace keyhold::io::memory
