// What agent and supervisor say to each other over their socket pair: both ends are the same
// program on the same machine, so a message is a few bytes in the host's own order. A datagram a
// message (SOCK_SEQPACKET); the end of either process is the end of file of the other's socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/unique_fd.h"

namespace keyhold::host {

enum class SupervisorWord : std::uint8_t {
  // agent to supervisor
  heartbeat = 1,  // answered by the same word
  start,          // answered by started or refused
  stop,           // value: milliseconds that the engine has after the stop signal
  kill,           // answered by ended, where an engine runs
  // supervisor to agent
  ready,    // text: the engine's cgroup (may be empty), then a warning a line
  started,  // value: the engine's pid
  refused,  // value: a Code, text: what failed
  ended,    // no descendant is left; value: the main process's wait status, text: why
};

struct SupervisorMessage {
  SupervisorWord word = SupervisorWord::heartbeat;
  std::int64_t value = 0;
  std::string text;  // at most kMaxTextBytes, cut there
};

constexpr std::size_t kMaxTextBytes = 8192;

enum class Receipt : std::uint8_t { message, nothing, end };

// Never waits: false where the other end is gone or takes nothing more.
bool send_message(int socket, const SupervisorMessage& message);
Receipt receive_message(int socket, SupervisorMessage& message);

// What the supervisor is given when it is made, and keeps: the engine, how to end it, how long
// silence of the agent may last.
struct EnginePlan {
  std::vector<std::string> arguments;    // the first is the program
  std::vector<std::string> environment;  // NAME=VALUE
  int stop_signal = 0;
  std::chrono::nanoseconds heartbeat_timeout{0};
  bool use_cgroup = true;
};

// In an anonymous file: an environment may be larger than a datagram, and what stood in the
// supervisor's own environment (LD_PRELOAD) would act on the supervisor. Strings hold no NUL.
Result<UniqueFd> write_plan(const EnginePlan& plan);
Result<EnginePlan> read_plan(int fd);

}  // namespace keyhold::host
