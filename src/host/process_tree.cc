#include "host/process_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/pidfd.h"
#include "host/unique_fd.h"

namespace keyhold::host {
namespace {

template <typename T>
bool parse(std::string_view text, T& value) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && rest == text.data() + text.size();
}

// proc(5): "pid (name) state ppid …", the start time is field 22; a name may hold blanks and
// brackets, so fields count from the last bracket.
std::optional<ProcessEntry> parse_stat(pid_t pid, std::string_view stat) {
  const auto bracket = stat.rfind(')');
  if (bracket == std::string_view::npos) return std::nullopt;
  stat.remove_prefix(bracket + 1);
  ProcessEntry entry{{pid, 0}, 0};
  for (int field = 3; !stat.empty(); ++field) {
    stat.remove_prefix(1);
    const auto text = stat.substr(0, stat.find(' '));
    if (field == 4 && !parse(text, entry.parent)) return std::nullopt;
    if (field == 22) {
      if (!parse(text, entry.name.started)) return std::nullopt;
      return entry;
    }
    stat.remove_prefix(text.size());
  }
  return std::nullopt;
}

std::optional<ProcessEntry> read_process(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) return std::nullopt;
  std::array<char, 1024> text{};
  const ssize_t n = ::read(file.get(), text.data(), text.size());
  if (n <= 0) return std::nullopt;
  return parse_stat(pid, {text.data(), static_cast<std::size_t>(n)});
}

std::vector<ProcessEntry> all_processes() {
  std::vector<ProcessEntry> out;
  DIR* const proc = ::opendir("/proc");
  if (proc == nullptr) return out;
  while (const dirent* const each = ::readdir(proc)) {  // NOLINT(concurrency-mt-unsafe)
    pid_t pid = 0;
    if (!parse(std::string_view(each->d_name), pid)) continue;
    if (auto entry = read_process(pid)) out.push_back(*entry);
  }
  ::closedir(proc);
  return out;
}

enum class Kill : std::uint8_t { sent, gone, refused };

Kill kill_process(const ProcessName& name) {
  const UniqueFd process = open_process(name.pid);
  if (!process.open()) return errno == ESRCH ? Kill::gone : Kill::refused;
  const auto now = read_process(name.pid);
  if (!now || now->name != name) return Kill::gone;
  if (send_signal(process, SIGKILL)) return Kill::sent;
  return errno == ESRCH ? Kill::gone : Kill::refused;
}

}  // namespace

std::vector<ProcessEntry> processes_below(pid_t root, const std::set<pid_t>& except) {
  std::unordered_multimap<pid_t, ProcessEntry> children;
  for (const ProcessEntry& each : all_processes()) children.emplace(each.parent, each);
  std::vector<ProcessEntry> below;
  const auto take = [&](pid_t parent) {
    const auto [first, last] = children.equal_range(parent);
    for (auto child = first; child != last; ++child) {
      if (!except.contains(child->second.name.pid)) below.push_back(child->second);
    }
    // A number that came around while /proc was read could close a ring.
    children.erase(first, last);
  };
  take(root);
  for (std::size_t next = 0; next < below.size(); ++next) take(below[next].name.pid);
  return below;
}

std::size_t TreeKiller::look() {
  seen_ = processes_below(::getpid(), except_);
  refused_ = 0;
  std::size_t fresh = 0;
  for (const ProcessEntry& each : seen_) {
    if (killed_.contains(each.name)) continue;
    const Kill outcome = kill_process(each.name);
    if (outcome == Kill::refused) ++refused_;
    if (outcome != Kill::sent) continue;
    killed_.insert(each.name);
    ++fresh;
  }
  return fresh;
}

bool TreeKiller::kill_all() {
  for (int looks = 0; looks < kMaxLooks; ++looks) {
    if (look() == 0) break;
  }
  return !seen_.empty();
}

void TreeKiller::reap() {
  for (const ProcessEntry& each : seen_) {
    if (each.parent == ::getpid()) ::waitpid(each.name.pid, nullptr, WNOHANG);
  }
}

}  // namespace keyhold::host
