// The control socket's serving end: one thread, non-blocking, every wait bounded. A connection
// carries one request and one reply; a request that takes long (it asks a KMS) is answered from
// another thread, and holds up nobody.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/secret.h"
#include "format/control.h"
#include "host/layout.h"
#include "host/unique_fd.h"

namespace keyhold::host {

// Runs `use` with a DEK's 32 bytes while no seal can come, or fails where one has come.
using DekAccess = std::function<Status(const std::function<void(ByteView dek)>& use)>;

// What goes back: the message, and behind it a DEK where it is a dek reply. The DEK itself is
// fetched for each send, so that none waits here for its client while a seal passes.
struct ControlAnswer {
  format::ControlReply reply;
  DekAccess dek;
};

class ControlServer {
 public:
  // Takes an answer, once, on any thread, even after the client or the server is gone.
  using Respond = std::function<void(ControlAnswer)>;
  // Called on the server's thread; must not block: it answers at once, or hands `respond` on.
  using Handler = std::function<void(const format::ControlRequest& request, Respond respond)>;

  static constexpr std::size_t kMaxConnections = 64;
  // For a request to arrive, and again for its reply to be taken.
  static constexpr std::chrono::seconds kDefaultPatience{5};

  // Listens and serves. REQUIRES: the caller holds the store's lock. `clock` outlives the server.
  static Result<std::unique_ptr<ControlServer>> start(
      const StoreLayout& layout, const Clock& clock, Handler handler,
      std::chrono::nanoseconds patience = kDefaultPatience);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  // Ends the thread, drops every connection, removes the socket.
  ~ControlServer();

  // Answers every client that watches. Any thread.
  void tell_watchers(const Error& news);

  // In a forked child: closes the listening socket, so that clients of a dead parent do not queue
  // at it. The object must not be destroyed there.
  void close_in_child() { listener_.reset(); }

 private:
  struct Connection;
  struct Mailbox;

  ControlServer(StoreLayout layout, const Clock& clock, Handler handler,
                std::chrono::nanoseconds patience, std::uint32_t owner, UniqueFd listener,
                std::shared_ptr<Mailbox> mailbox);

  void run();
  void poll_sockets();
  void accept_clients();
  void admit(UniqueFd socket);
  void move(Connection& connection);
  void receive(Connection& connection);
  void dispatch(Connection& connection);
  void send(Connection& connection);
  static void send_parts(Connection& connection, ByteView key);
  void answer(Connection& connection, ControlAnswer answer);
  void refuse(Connection& connection, const Error& error);
  void take_mail();
  void drop_finished();

  const StoreLayout layout_;
  const Clock& clock_;
  const Handler handler_;
  const std::chrono::nanoseconds patience_;
  const std::uint32_t owner_;
  Deadline pause_;  // no client is accepted before
  UniqueFd listener_;
  std::shared_ptr<Mailbox> mailbox_;  // answers on their way from other threads
  std::vector<std::unique_ptr<Connection>> connections_;
  std::uint64_t next_id_ = 1;
  std::thread thread_;
};

}  // namespace keyhold::host
