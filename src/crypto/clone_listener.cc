#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <linux/netlink.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "crypto/instance.h"

namespace keyhold::crypto {
namespace {

constexpr std::uint32_t kKernelGroup = 1;  // uevents straight from the kernel, not udev's
constexpr std::size_t kDatagramSizeBytes = 8 * 1024;  // the kernel's are at most 2 KiB

int open_uevent_socket() {
  const int fd = above_standard_streams(
      ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT));
  if (fd < 0) return -1;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kKernelGroup;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  ::close(fd);
  return -1;
}

// False when the socket is of no more use.
bool receive_one(int fd) {
  std::array<std::uint8_t, kDatagramSizeBytes> datagram;
  sockaddr_nl sender{};
  socklen_t sender_size = sizeof(sender);
  const ssize_t size = ::recvfrom(fd, datagram.data(), datagram.size(), 0,
                                  reinterpret_cast<sockaddr*>(&sender), &sender_size);
  if (size < 0 && errno == EINTR) return true;
  if (size < 0 && errno == ENOBUFS) {
    // Events were lost, perhaps the one that matters.
    notify_cloned();
    return true;
  }
  if (size < 0) return false;
  const bool from_kernel = sender.nl_pid == 0;
  if (from_kernel && is_clone_event(ByteView(datagram).first(static_cast<std::size_t>(size)))) {
    notify_cloned();
    log::warning("this machine was cloned or resumed: every open file takes new keys");
  }
  return true;
}

void listen(int fd) {
  while (receive_one(fd)) {
  }
  log::error(std::string("clones of this machine are no longer noticed: ") + std::strerror(errno));
  ::close(fd);
}

// The engine's signals are not for this thread.
void start_thread(int fd) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([fd] { listen(fd); }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

bool is_clone_event(ByteView datagram) {
  std::string_view rest = as_text(datagram);
  while (!rest.empty()) {
    const std::string_view field = rest.substr(0, rest.find('\0'));
    if (field == "NEW_VMGENID=1") return true;
    rest.remove_prefix(std::min(field.size() + 1, rest.size()));
  }
  return false;
}

bool start_clone_listener() {
  static std::mutex mutex;
  static bool started = false;
  const std::lock_guard guard(mutex);
  if (started) return true;
  const int fd = open_uevent_socket();
  if (fd < 0) return false;
  start_thread(fd);
  started = true;
  return true;
}

}  // namespace keyhold::crypto
