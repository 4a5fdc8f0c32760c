#include "host/control_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "base/signals_blocked.h"
#include "host/socket_address.h"

namespace keyhold::host {
namespace {

using format::kControlEnvelopeSizeBytes;

constexpr std::chrono::milliseconds kPauseAfterFailure{100};

format::ControlReply error_reply(const Error& error) {
  return format::ErrorReply{.code = error.code(), .message = error.message()};
}

}  // namespace

// Where other threads leave answers, and wake the server's.
struct ControlServer::Mailbox {
  std::mutex mutex;
  bool stopped = false;
  std::vector<std::pair<std::uint64_t, ControlAnswer>> answers;
  std::optional<Error> news;  // for all who watch
  UniqueFd bell;

  void ring() const {
    const std::uint64_t one = 1;
    (void)!::write(bell.get(), &one, sizeof one);
  }
  void post(std::uint64_t id, ControlAnswer answer) {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    answers.emplace_back(id, std::move(answer));
    ring();
  }
};

struct ControlServer::Connection {
  enum class Phase : std::uint8_t { receiving, working, sending, finished };

  // One that is worked on is only listened to for its end.
  static short events_of(Phase phase) {
    if (phase == Phase::working) return 0;
    return phase == Phase::sending ? POLLOUT : POLLIN;
  }

  std::uint64_t id = 0;
  UniqueFd socket;
  Peer peer;
  Deadline deadline = Deadline::never();
  Phase phase = Phase::receiving;
  bool watches = false;
  ByteVector in = ByteVector(kControlEnvelopeSizeBytes);
  std::size_t in_done = 0;
  format::ControlEnvelope envelope;
  ByteVector out;
  DekAccess dek;
  std::size_t out_done = 0;
};

Result<std::unique_ptr<ControlServer>> ControlServer::start(const StoreLayout& layout,
                                                            const Clock& clock, Handler handler,
                                                            std::chrono::nanoseconds patience) {
  KEYHOLD_TRY_ASSIGN(const std::uint32_t owner, owner_of(layout));
  auto mailbox = std::make_shared<Mailbox>();
  mailbox->bell = UniqueFd(above_standard_streams(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
  if (!mailbox->bell.open()) return fail_errno(errno, "an eventfd for the control socket");
  KEYHOLD_TRY_ASSIGN(UniqueFd listener,
                     listen_for_clients(layout, static_cast<int>(kMaxConnections)));
  std::unique_ptr<ControlServer> server(new ControlServer(
      layout, clock, std::move(handler), patience, owner, std::move(listener), std::move(mailbox)));
  const SignalsBlocked blocked;
  server->thread_ = std::thread([raw = server.get()] { raw->run(); });
  return server;
}

ControlServer::ControlServer(StoreLayout layout, const Clock& clock, Handler handler,
                             std::chrono::nanoseconds patience, std::uint32_t owner,
                             UniqueFd listener, std::shared_ptr<Mailbox> mailbox)
    : layout_(std::move(layout)),
      clock_(clock),
      handler_(std::move(handler)),
      patience_(patience),
      owner_(owner),
      pause_(Deadline::after(clock, std::chrono::nanoseconds::zero())),
      listener_(std::move(listener)),
      mailbox_(std::move(mailbox)) {}

ControlServer::~ControlServer() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->stopped = true;
    mailbox_->answers.clear();
    mailbox_->ring();
  }
  thread_.join();
  ::unlink(layout_.socket.c_str());
}

void ControlServer::run() {
  pthread_setname_np(pthread_self(), "keyhold-control");
  for (;;) {
    poll_sockets();
    {
      const std::lock_guard lock(mailbox_->mutex);
      if (mailbox_->stopped) break;
    }
    take_mail();
    accept_clients();
    drop_finished();
  }
  connections_.clear();
}

// Waits for something to do, and moves every connection that can move.
void ControlServer::poll_sockets() {
  using Phase = Connection::Phase;
  std::vector<pollfd> fds = {{.fd = mailbox_->bell.get(), .events = POLLIN, .revents = 0}};
  const bool accepting = connections_.size() < kMaxConnections && pause_.expired(clock_);
  fds.push_back({.fd = accepting ? listener_.get() : -1, .events = POLLIN, .revents = 0});
  auto longest = std::chrono::nanoseconds(std::chrono::hours(1));
  if (!pause_.expired(clock_)) longest = pause_.remaining(clock_);
  for (const auto& connection : connections_) {
    fds.push_back({.fd = connection->socket.get(),
                   .events = Connection::events_of(connection->phase),
                   .revents = 0});
    longest = std::min(longest, connection->deadline.remaining(clock_));
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
  const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(milliseconds));
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = *connections_[i];
    if (ready > 0 && fds[i + 2].revents != 0) {
      move(connection);
    }
    if (connection.deadline.expired(clock_)) connection.phase = Phase::finished;
  }
}

void ControlServer::move(Connection& connection) {
  switch (connection.phase) {
    case Connection::Phase::receiving:
      return receive(connection);
    case Connection::Phase::sending:
      return send(connection);
    default:  // its client hung up; the answer, when it comes, is nobody's
      connection.phase = Connection::Phase::finished;
  }
}

void ControlServer::accept_clients() {
  while (connections_.size() < kMaxConnections) {
    UniqueFd socket(above_standard_streams(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
    if (!socket.open()) {
      const bool none_waits = errno == EAGAIN || errno == EWOULDBLOCK;
      // Out of descriptors, say: the client stays in the queue, and poll must not spin on it.
      if (!none_waits && errno != EINTR) pause_ = Deadline::after(clock_, kPauseAfterFailure);
      return;
    }
    admit(std::move(socket));
  }
}

void ControlServer::admit(UniqueFd socket) {
  auto connection = std::make_unique<Connection>();
  connection->id = next_id_++;
  connection->socket = std::move(socket);
  connection->deadline = Deadline::after(clock_, patience_);
  const auto peer = peer_of(connection->socket.get());
  if (!peer) return;
  connection->peer = *peer;
  if (peer->uid != 0 && peer->uid != owner_) {
    log::warning("control socket: refused process " + std::to_string(peer->pid) + " of user " +
                 std::to_string(peer->uid) + "; only root and the store's owner, user " +
                 std::to_string(owner_) + ", get keys");
    refuse(*connection,
           Error(Code::permission, "only root and the store's owner may ask its host"));
  }
  connections_.push_back(std::move(connection));
}

void ControlServer::receive(Connection& connection) {
  while (connection.phase == Connection::Phase::receiving) {
    const MutableByteView room = MutableByteView(connection.in).subspan(connection.in_done);
    const ssize_t got = ::recv(connection.socket.get(), room.data(), room.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got <= 0) {
      connection.phase = Connection::Phase::finished;
      return;
    }
    connection.in_done += static_cast<std::size_t>(got);
    if (connection.in_done == connection.in.size()) dispatch(connection);
  }
}

// An envelope is whole: makes room for its body; or a message is: hands it over.
void ControlServer::dispatch(Connection& connection) {
  if (connection.in.size() == kControlEnvelopeSizeBytes) {
    const auto envelope = format::parse_control_envelope(connection.in);
    if (!envelope) return refuse(connection, envelope.error());
    if (envelope->body_size_bytes > format::kMaxControlRequestSizeBytes) {
      return refuse(connection, Error(Code::invalid_argument, "the request is too large"));
    }
    connection.envelope = *envelope;
    connection.in.resize(kControlEnvelopeSizeBytes + envelope->body_size_bytes);
    if (envelope->body_size_bytes > 0) return;
  }
  const ByteView body = ByteView(connection.in).subspan(kControlEnvelopeSizeBytes);
  const auto request = format::parse_control_request(connection.envelope, body);
  if (!request) return refuse(connection, request.error());
  connection.phase = Connection::Phase::working;
  connection.watches = std::holds_alternative<format::WatchRequest>(*request);
  connection.deadline = Deadline::never();  // an order ends by the host's own deadlines
  handler_(*request, [mailbox = mailbox_, id = connection.id](ControlAnswer ready) {
    mailbox->post(id, std::move(ready));
  });
}

void ControlServer::refuse(Connection& connection, const Error& error) {
  answer(connection, {.reply = error_reply(error), .dek = {}});
}

void ControlServer::answer(Connection& connection, ControlAnswer answer) {
  connection.out = format::serialize_control(answer.reply);
  connection.dek = std::move(answer.dek);
  connection.out_done = 0;
  connection.deadline = Deadline::after(clock_, patience_);
  connection.phase = Connection::Phase::sending;
  send(connection);
}

// The DEK goes from secret memory into the kernel, in a use of the store's guard; no buffer of ours
// ever holds it.
void ControlServer::send(Connection& connection) {
  if (!connection.dek) return send_parts(connection, {});
  const Status sent = connection.dek([&](ByteView key) { send_parts(connection, key); });
  if (sent) return;
  // Sealed meanwhile. What has begun cannot become an error: the client asks again, and hears why.
  if (connection.out_done > 0) {
    connection.phase = Connection::Phase::finished;
  } else {
    refuse(connection, sent.error());
  }
}

// Never blocks.
void ControlServer::send_parts(Connection& connection, ByteView key) {
  const std::size_t total = connection.out.size() + key.size();
  while (connection.out_done < total) {
    const std::size_t text_done = std::min(connection.out_done, connection.out.size());
    const ByteView text = ByteView(connection.out).subspan(text_done);
    const ByteView secret = key.subspan(connection.out_done - text_done);
    std::array<iovec, 2> parts = {
        iovec{.iov_base = const_cast<std::uint8_t*>(text.data()), .iov_len = text.size()},
        iovec{.iov_base = const_cast<std::uint8_t*>(secret.data()), .iov_len = secret.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = ::sendmsg(connection.socket.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (sent < 0) break;
    connection.out_done += static_cast<std::size_t>(sent);
  }
  connection.phase = Connection::Phase::finished;
}

void ControlServer::tell_watchers(const Error& news) {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->news = news;
  mailbox_->ring();
}

void ControlServer::take_mail() {
  std::vector<std::pair<std::uint64_t, ControlAnswer>> ready;
  std::optional<Error> news;
  {
    std::uint64_t rings = 0;
    (void)!::read(mailbox_->bell.get(), &rings, sizeof rings);
    const std::lock_guard lock(mailbox_->mutex);
    ready.swap(mailbox_->answers);
    news.swap(mailbox_->news);
  }
  for (const auto& connection : connections_) {
    const bool waits = connection->watches && connection->phase == Connection::Phase::working;
    if (news && waits) refuse(*connection, *news);
  }
  for (auto& [id, reply] : ready) {
    const auto found = std::ranges::find(connections_, id, &Connection::id);
    if (found != connections_.end()) answer(**found, std::move(reply));
  }
}

void ControlServer::drop_finished() {
  std::erase_if(connections_, [](const auto& connection) {
    return connection->phase == Connection::Phase::finished;
  });
}

}  // namespace keyhold::host
