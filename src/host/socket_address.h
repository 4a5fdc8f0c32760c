// Unix sockets below a store's root, however long its path: sun_path holds 107 bytes, so a longer
// one goes through /proc/self/fd and an open directory.
#pragma once

#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "host/layout.h"
#include "host/unique_fd.h"

namespace keyhold::host {

struct SocketAddress {
  sockaddr_un address{};
  UniqueFd directory;  // keeps the way through /proc open

  // Code::not_found where the directory is not there.
  static Result<SocketAddress> of(const StoreLayout& layout);
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

// Listens at the store's control.sock (0600), in place of whatever stands there. REQUIRES: the
// caller holds the store's lock, so what stands there is a dead host's. Non-blocking.
Result<UniqueFd> listen_for_clients(const StoreLayout& layout, int backlog);

// Code::not_found where nobody listens; Code::busy where the host's queue is full. Non-blocking.
Result<UniqueFd> connect_to_host(const StoreLayout& layout);

struct Peer {
  std::int64_t pid = 0;
  std::uint32_t uid = 0;
};
// Who connected (SO_PEERCRED: as it was at connect(2) or listen(2)).
Result<Peer> peer_of(int socket);

// The user that owns the store: of its private folder.
Result<std::uint32_t> owner_of(const StoreLayout& layout);

}  // namespace keyhold::host
