// The processes below a process, from /proc, and their end. Signals go through pidfds, after
// a second look at who has the number, so that a number used again is never hit.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

namespace keyhold::host {

// A process: its number, and its start in clock ticks since boot, which no later bearer shares.
struct ProcessName {
  pid_t pid = 0;
  std::uint64_t started = 0;
  auto operator<=>(const ProcessName&) const = default;
};

struct ProcessEntry {
  ProcessName name;
  pid_t parent = 0;
};

// Children, their children and so on, dead ones that nobody has waited for included; without
// `except` and what is below them. Not atomic: what is forked meanwhile may be missing.
std::vector<ProcessEntry> processes_below(pid_t root, const std::set<pid_t>& except = {});

// Kills all that is below this process, which must be a child subreaper
// (PR_SET_CHILD_SUBREAPER): so a child that forked twice or called setsid stays below it.
class TreeKiller {
 public:
  // Children that are none of its business, and what is below them.
  explicit TreeKiller(std::set<pid_t> except = {}) : except_(std::move(except)) {}

  // SIGKILL to everything that had none yet, look by look until one finds nobody new (or after
  // kMaxLooks). A process that has the signal forks no more, so a fork bomb ends here too.
  // Returns whether anything is left below, dead ones that nobody has waited for included.
  bool kill_all();

  // Waits for the direct children of this process that are dead. For a process that has other
  // children too.
  void reap();

  // Processes that the last look found and may not kill, for a message.
  [[nodiscard]] std::size_t refused() const { return refused_; }

  static constexpr int kMaxLooks = 200;

 private:
  std::size_t look();

  std::set<pid_t> except_;
  std::set<ProcessName> killed_;
  std::vector<ProcessEntry> seen_;
  std::size_t refused_ = 0;
};

}  // namespace keyhold::host
