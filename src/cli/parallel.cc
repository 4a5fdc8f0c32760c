#include "cli/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace keyhold::cli {
namespace {

class Failure {
 public:
  void note(std::size_t index, Error error) {
    const std::lock_guard lock(mutex_);
    if (error_ && index_ < index) return;
    index_ = index;
    error_ = std::move(error);
    any_ = true;
  }
  [[nodiscard]] bool any() const { return any_; }
  Status status() {
    if (!error_) return {};
    return fail(*std::move(error_));
  }

 private:
  std::atomic<bool> any_{false};
  std::mutex mutex_;
  std::size_t index_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Status in_parallel(std::size_t count, std::uint32_t jobs,
                   const std::function<Status(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  Failure failure;
  const auto run = [&] {
    for (std::size_t i = next++; i < count && !failure.any(); i = next++) {
      if (auto status = work(i); !status) failure.note(i, status.error());
    }
  };
  std::vector<std::jthread> threads;
  const std::size_t others = std::min<std::size_t>(jobs, std::max<std::size_t>(count, 1)) - 1;
  threads.reserve(others);
  for (std::size_t i = 0; i < others; ++i) threads.emplace_back(run);
  run();
  for (std::jthread& thread : threads) thread.join();
  return failure.status();
}

}  // namespace keyhold::cli
