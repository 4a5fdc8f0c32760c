#include "host/socket_address.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/descriptors.h"

namespace keyhold::host {
namespace {

constexpr std::size_t kMaxPathSizeBytes = sizeof(sockaddr_un::sun_path) - 1;

void set_path(sockaddr_un& address, const std::string& path) {
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, std::begin(address.sun_path));
}

Result<UniqueFd> make_socket() {
  UniqueFd fd(
      above_standard_streams(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (!fd.open()) return fail_errno(errno, "a control socket");
  return fd;
}

}  // namespace

Result<SocketAddress> SocketAddress::of(const StoreLayout& layout) {
  SocketAddress made;
  if (layout.socket.size() <= kMaxPathSizeBytes) {
    set_path(made.address, layout.socket);
    return made;
  }
  made.directory = UniqueFd(
      above_standard_streams(::open(layout.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
  if (!made.directory.open()) return fail_errno(errno, layout.directory);
  const std::string folder = "/proc/self/fd/" + std::to_string(made.directory.get());
  if (::access(folder.c_str(), F_OK) != 0) {
    return fail(Code::unsupported, "the path " + layout.socket + " is longer than " +
                                       std::to_string(kMaxPathSizeBytes) +
                                       " bytes, and without /proc there is no way around that: "
                                       "give the store a shorter path");
  }
  set_path(made.address, folder + "/control.sock");
  return made;
}

Result<UniqueFd> listen_for_clients(const StoreLayout& layout, int backlog) {
  if (::unlink(layout.socket.c_str()) != 0 && errno != ENOENT) {
    return fail_errno(errno, layout.socket);
  }
  KEYHOLD_TRY_ASSIGN(const SocketAddress address, SocketAddress::of(layout));
  KEYHOLD_TRY_ASSIGN(UniqueFd fd, make_socket());
  // Nobody can connect before listen(), so nobody meets the mode that the umask gave.
  if (::bind(fd.get(), address.get(), sizeof(sockaddr_un)) != 0 ||
      ::chmod(layout.socket.c_str(), 0600) != 0 || ::listen(fd.get(), backlog) != 0) {
    return fail_errno(errno, layout.socket);
  }
  return fd;
}

Result<UniqueFd> connect_to_host(const StoreLayout& layout) {
  KEYHOLD_TRY_ASSIGN(const SocketAddress address, SocketAddress::of(layout));
  KEYHOLD_TRY_ASSIGN(UniqueFd fd, make_socket());
  if (::connect(fd.get(), address.get(), sizeof(sockaddr_un)) == 0) return fd;
  if (errno == ECONNREFUSED || errno == ENOENT) {
    return fail(Code::not_found, "no host runs for the store " + layout.root);
  }
  return fail_errno(errno, layout.socket);
}

Result<Peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return fail_errno(errno, "who is at the other end of the control socket");
  }
  return Peer{.pid = credentials.pid, .uid = credentials.uid};
}

Result<std::uint32_t> owner_of(const StoreLayout& layout) {
  struct stat raw {};
  if (::stat(layout.directory.c_str(), &raw) != 0) return fail_errno(errno, layout.directory);
  return raw.st_uid;
}

}  // namespace keyhold::host
