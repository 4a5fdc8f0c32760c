#include "host/supervisor_wire.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace keyhold::host {
namespace {

struct Head {
  std::int64_t value;
  SupervisorWord word;
};

void append(std::string& out, const std::string& text) {
  out.append(text.c_str(), text.size() + 1);
}

template <typename T>
void append_number(std::string& out, T number) {
  append(out, std::to_string(number));
}

class PlanReader {
 public:
  explicit PlanReader(std::string text) : text_(std::move(text)) {}

  std::string next() {
    const auto end = text_.find('\0', at_);
    if (end == std::string::npos) {
      whole_ = false;
      return {};
    }
    std::string field = text_.substr(at_, end - at_);
    at_ = end + 1;
    return field;
  }
  template <typename T>
  T number() {
    const std::string field = next();
    T value{};
    const auto [rest, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || rest != field.data() + field.size()) whole_ = false;
    return value;
  }
  std::vector<std::string> list() {
    std::vector<std::string> out;
    for (auto left = number<std::size_t>(); left > 0 && whole_; --left) out.push_back(next());
    return out;
  }
  [[nodiscard]] bool whole() const { return whole_ && at_ == text_.size(); }

 private:
  std::string text_;
  std::size_t at_ = 0;
  bool whole_ = true;
};

Result<std::string> whole_file(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno(errno, "the supervisor's plan");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (n <= 0) return fail_errno(n < 0 ? errno : EIO, "the supervisor's plan");
    done += static_cast<std::size_t>(n);
  }
  return text;
}

}  // namespace

bool send_message(int socket, const SupervisorMessage& message) {
  Head head{};
  head.value = message.value;
  head.word = message.word;
  std::string text = message.text.substr(0, kMaxTextBytes);
  std::array<iovec, 2> parts{iovec{&head, sizeof head}, iovec{text.data(), text.size()}};
  msghdr datagram{};
  datagram.msg_iov = parts.data();
  datagram.msg_iovlen = parts.size();
  return ::sendmsg(socket, &datagram, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

Receipt receive_message(int socket, SupervisorMessage& message) {
  Head head{};
  std::string text(kMaxTextBytes, '\0');
  std::array<iovec, 2> parts{iovec{&head, sizeof head}, iovec{text.data(), text.size()}};
  msghdr datagram{};
  datagram.msg_iov = parts.data();
  datagram.msg_iovlen = parts.size();
  const ssize_t n = ::recvmsg(socket, &datagram, MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? Receipt::nothing : Receipt::end;
  if (static_cast<std::size_t>(n) < sizeof head) return Receipt::end;
  text.resize(static_cast<std::size_t>(n) - sizeof head);
  message = {head.word, head.value, std::move(text)};
  return Receipt::message;
}

Result<UniqueFd> write_plan(const EnginePlan& plan) {
  std::string text;
  append_number(text, plan.stop_signal);
  append_number(text, plan.heartbeat_timeout.count());
  append_number(text, plan.use_cgroup ? 1 : 0);
  for (const auto* list : {&plan.arguments, &plan.environment}) {
    append_number(text, list->size());
    for (const std::string& each : *list) {
      if (each.find('\0') != std::string::npos) {
        return fail(Code::invalid_argument, "an engine's argument or variable with a NUL in it");
      }
      append(text, each);
    }
  }
  UniqueFd file(::memfd_create("keyhold-engine", MFD_CLOEXEC));
  if (!file.open()) return fail_errno(errno, "an anonymous file for the supervisor's plan");
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return fail_errno(errno, "the supervisor's plan");
  }
  return file;
}

Result<EnginePlan> read_plan(int fd) {
  KEYHOLD_TRY_ASSIGN(auto text, whole_file(fd));
  PlanReader reader(std::move(text));
  EnginePlan plan;
  plan.stop_signal = reader.number<int>();
  plan.heartbeat_timeout = std::chrono::nanoseconds(reader.number<std::int64_t>());
  plan.use_cgroup = reader.number<int>() != 0;
  plan.arguments = reader.list();
  plan.environment = reader.list();
  if (!reader.whole() || plan.arguments.empty()) {
    return fail(Code::invalid_argument, "the supervisor's plan is not whole");
  }
  return plan;
}

}  // namespace keyhold::host
