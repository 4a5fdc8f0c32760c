// A cgroup (v2) of the engine's own, where this machine lets us make one: `cgroup.kill` then ends
// all that is in it at once, whatever it forks, and its memory stays out of swap.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "host/unique_fd.h"

namespace keyhold::host {

class EngineCgroup {
 public:
  // Below the cgroup that this process is in. First ends what a killed supervisor left in cgroups
  // like it there: a cgroup is its supervisor's by a lock (flock) that ends with the supervisor.
  static Result<EngineCgroup> create();

  // Removes it, if nothing is in it any more.
  ~EngineCgroup();
  EngineCgroup(EngineCgroup&& other) noexcept;
  EngineCgroup& operator=(EngineCgroup&&) = delete;

  // A process that writes "0" here is in.
  [[nodiscard]] int procs() const { return procs_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  // What the machine refused, one sentence each.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  EngineCgroup(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd lock_;
  UniqueFd procs_;
  std::vector<std::string> warnings_;
};

// SIGKILL to all in the cgroup; false where the kernel refused.
bool kill_cgroup(const std::string& path);
// Whether a process, not counting dead ones, is in it or below; false where it is gone.
bool cgroup_is_populated(const std::string& path);
// Removes an empty one.
void remove_cgroup(const std::string& path);

}  // namespace keyhold::host
