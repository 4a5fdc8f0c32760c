#include "host/engine_cgroup.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

namespace keyhold::host {
namespace {

constexpr std::string_view kNamePrefix = "keyhold-engine-";

std::optional<std::string> own_cgroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return std::nullopt;
}

// proc(5), mountinfo: "id parent device root mount-point options … - type source …".
std::optional<std::string> directory_of(const std::string& cgroup) {
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string skipped;
    std::string root;
    std::string mount_point;
    fields >> skipped >> skipped >> skipped >> root >> mount_point;
    if (root == "/") return mount_point + cgroup;
    if (cgroup.starts_with(root)) return mount_point + cgroup.substr(root.size());
  }
  return std::nullopt;
}

bool write_text(const std::string& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file.open() &&
         ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The lock of a cgroup, if nobody has it and the cgroup is still there.
std::optional<UniqueFd> lock_cgroup(const std::string& path) {
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.open() || ::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  struct stat locked {};
  struct stat named {};
  if (::fstat(directory.get(), &locked) != 0 || ::stat(path.c_str(), &named) != 0 ||
      locked.st_ino != named.st_ino) {
    return std::nullopt;
  }
  return directory;
}

void end_leftovers(const std::string& parent) {
  std::error_code error;
  for (const auto& each : std::filesystem::directory_iterator(parent, error)) {
    if (!each.path().filename().string().starts_with(kNamePrefix)) continue;
    const std::string path = each.path().string();
    const auto lock = lock_cgroup(path);
    if (!lock) continue;
    if (cgroup_is_populated(path)) {
      log::warning("an engine without its supervisor was left in " + path + ": it is killed");
      kill_cgroup(path);
    }
    remove_cgroup(path);
  }
}

}  // namespace

bool kill_cgroup(const std::string& path) {
  return write_text(path + "/cgroup.kill", "1");
}

bool cgroup_is_populated(const std::string& path) {
  std::ifstream file(path + "/cgroup.events");
  for (std::string line; std::getline(file, line);) {
    if (line == "populated 1") return true;
  }
  return false;
}

void remove_cgroup(const std::string& path) {
  ::rmdir(path.c_str());
}

Result<EngineCgroup> EngineCgroup::create() {
  const auto own = own_cgroup();
  const auto parent = own ? directory_of(*own) : std::nullopt;
  if (!parent) return fail(Code::unsupported, "cgroup v2 is not mounted");
  end_leftovers(*parent);
  const std::string path = *parent + (parent->ends_with('/') ? "" : "/") +
                           std::string(kNamePrefix) + std::to_string(::getpid());
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, path);
  auto lock = lock_cgroup(path);
  if (!lock) return fail(Code::busy, path + " is not ours");
  EngineCgroup cgroup(path, std::move(*lock));
  if (::access((path + "/cgroup.kill").c_str(), W_OK) != 0) {
    return fail(Code::unsupported, "the kernel has no cgroup.kill (5.14)");
  }
  cgroup.procs_ = UniqueFd(::open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!cgroup.procs_.open()) return fail_errno(errno, path + "/cgroup.procs");
  if (!write_text(path + "/memory.swap.max", "0")) {
    cgroup.warnings_.emplace_back(
        "the engine's memory may be swapped: its cgroup has no memory.swap.max (delegate the "
        "memory "
        "controller to the agent, or run without swap)");
  }
  return cgroup;
}

EngineCgroup::EngineCgroup(EngineCgroup&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      lock_(std::move(other.lock_)),
      procs_(std::move(other.procs_)),
      warnings_(std::move(other.warnings_)) {}

EngineCgroup::~EngineCgroup() {
  if (!path_.empty()) remove_cgroup(path_);
}

}  // namespace keyhold::host
