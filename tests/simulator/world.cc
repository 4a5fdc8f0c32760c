#include "world.h"

#include <cstdio>

namespace keyhold::simulator {
namespace {

constexpr int kMostAtOnce = 10'000;

}  // namespace

void World::at(BootTime when, std::function<void()> what) {
  due_.emplace(std::max(when, now_), std::move(what));
}

void World::run_until(BootTime end) {
  while (!violation_ && !due_.empty() && due_.begin()->first <= end) {
    const auto next = due_.extract(due_.begin());
    standing_ = next.key() == now_ ? standing_ + 1 : 0;
    if (standing_ > kMostAtOnce) return violated("time passes", "something happens without end");
    now_ = next.key();
    next.mapped()();
  }
  if (!violation_) now_ = std::max(now_, end);
}

void World::note(const std::string& who, const std::string& what) {
  if (!tracing_) return;
  char time[32];
  const auto since_start = std::chrono::duration<double>(now_ - BootTime(hours(1)));
  std::snprintf(time, sizeof time, "%10.3f s  ", since_start.count());
  trace_.push_back(time + who + "  " + what);
}

void World::violated(const std::string& property, const std::string& what) {
  if (violation_) return;
  note("CHECK ", property + ": " + what);
  violation_ = Violation{.property = property, .what = what};
}

}  // namespace keyhold::simulator
