#include "host/control_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "host/socket_address.h"
#include "host/store_lock.h"

namespace keyhold::host {
namespace {

using format::kControlDekSizeBytes;
using format::kControlEnvelopeSizeBytes;

class Conversation {
 public:
  static Result<Conversation> open(const StoreLayout& layout, const Clock& clock,
                                   Deadline deadline);

  Status send(ByteView message);
  Status receive(MutableByteView out);
  UniqueFd leave() && { return std::move(socket_); }

 private:
  Conversation(UniqueFd socket, const StoreLayout& layout, const Peer& peer, const Clock& clock,
               Deadline deadline)
      : socket_(std::move(socket)),
        layout_(&layout),
        peer_(peer),
        clock_(&clock),
        deadline_(deadline) {}
  Status wait_for(short events);
  [[nodiscard]] Error silent() const;

  UniqueFd socket_;
  const StoreLayout* layout_;
  Peer peer_;
  const Clock* clock_;
  Deadline deadline_;
};

Result<Conversation> Conversation::open(const StoreLayout& layout, const Clock& clock,
                                        Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(UniqueFd socket, connect_to_host(layout));
  KEYHOLD_TRY_ASSIGN(const Peer peer, peer_of(socket.get()));
  KEYHOLD_TRY_ASSIGN(const std::uint32_t owner, owner_of(layout));
  if (peer.uid != 0 && peer.uid != owner) {
    return fail(Code::permission, "process " + std::to_string(peer.pid) + " of user " +
                                      std::to_string(peer.uid) + " serves the socket of " +
                                      layout.root + ", whose owner is user " +
                                      std::to_string(owner));
  }
  return Conversation(std::move(socket), layout, peer, clock, deadline);
}

// No outage of the KMS, of which a host that runs would tell: it was stopped, or hangs.
Error Conversation::silent() const {
  const std::string pid = std::to_string(peer_.pid);
  const auto owner = read_lock_owner(io::posix_file_system(), *layout_);
  const bool known = owner && owner->pid == peer_.pid;
  return {Code::busy, "the host of the store " + layout_->root + ", process " + pid +
                          (known ? " (" + owner->program + ")" : "") +
                          ", does not answer: it is stopped or hangs; let it go on (kill -CONT " +
                          pid + ") or end it"};
}

Status Conversation::wait_for(short events) {
  for (;;) {
    if (deadline_.expired(*clock_)) return fail(silent());
    const auto left =
        std::min<std::chrono::nanoseconds>(deadline_.remaining(*clock_), std::chrono::hours(1));
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    pollfd waited{.fd = socket_.get(), .events = events, .revents = 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(milliseconds));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail_errno(errno, "waiting for the store's host");
  }
}

Status Conversation::send(ByteView message) {
  while (!message.empty()) {
    const ssize_t sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      message = message.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};  // it refused before it read: its answer says why
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      KEYHOLD_TRY(wait_for(POLLOUT));
    } else if (errno != EINTR) {
      return fail_errno(errno, "asking the store's host");
    }
  }
  return {};
}

Status Conversation::receive(MutableByteView out) {
  while (!out.empty()) {
    const ssize_t got = ::recv(socket_.get(), out.data(), out.size(), 0);
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
    } else if (got == 0) {
      return fail(Code::io, "the store's host hung up");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      KEYHOLD_TRY(wait_for(POLLIN));
    } else if (errno != EINTR) {
      return fail_errno(errno, "the answer of the store's host");
    }
  }
  return {};
}

Result<format::ControlEnvelope> receive_envelope(Conversation& conversation) {
  std::array<std::uint8_t, kControlEnvelopeSizeBytes> bytes{};
  KEYHOLD_TRY(conversation.receive(bytes));
  KEYHOLD_TRY_ASSIGN(const format::ControlEnvelope envelope, format::parse_control_envelope(bytes));
  if (envelope.body_size_bytes > format::kMaxControlReplySizeBytes) {
    return fail(Code::integrity, "the answer of the store's host is too large");
  }
  return envelope;
}

// An error reply becomes an error.
Result<format::ControlReply> receive_body(Conversation& conversation,
                                          const format::ControlEnvelope& envelope,
                                          std::size_t size_bytes) {
  ByteVector body(size_bytes);
  KEYHOLD_TRY(conversation.receive(body));
  KEYHOLD_TRY_ASSIGN(format::ControlReply reply, format::parse_control_reply(envelope, body));
  if (auto* error = std::get_if<format::ErrorReply>(&reply)) {
    return fail(error->code, std::move(error->message));
  }
  return reply;
}

bool is_dek(const format::ControlEnvelope& envelope) {
  return envelope.type == static_cast<std::uint8_t>(format::ControlType::dek_reply);
}

}  // namespace

Result<format::ControlReply> ControlClient::ask(const format::ControlRequest& request,
                                                Deadline deadline) const {
  KEYHOLD_TRY_ASSIGN(Conversation conversation, Conversation::open(layout, clock, deadline));
  KEYHOLD_TRY(conversation.send(format::serialize_control(request)));
  KEYHOLD_TRY_ASSIGN(const format::ControlEnvelope envelope, receive_envelope(conversation));
  if (is_dek(envelope)) return fail(Code::integrity, "the store's host sent a key unasked");
  return receive_body(conversation, envelope, envelope.body_size_bytes);
}

Result<UniqueFd> ControlClient::watch(Deadline deadline) const {
  KEYHOLD_TRY_ASSIGN(Conversation conversation, Conversation::open(layout, clock, deadline));
  const format::ControlRequest request = format::WatchRequest{};
  KEYHOLD_TRY(conversation.send(format::serialize_control(request)));
  return std::move(conversation).leave();
}

Result<ControlClient::Dek> ControlClient::ask_dek(Generation generation, Deadline deadline) const {
  KEYHOLD_TRY_ASSIGN(Conversation conversation, Conversation::open(layout, clock, deadline));
  const format::ControlRequest request = format::DekRequest{generation};
  KEYHOLD_TRY(conversation.send(format::serialize_control(request)));
  KEYHOLD_TRY_ASSIGN(const format::ControlEnvelope envelope, receive_envelope(conversation));
  const std::size_t key_size = is_dek(envelope) ? kControlDekSizeBytes : 0;
  if (envelope.body_size_bytes < key_size) {
    return fail(Code::integrity, "the answer of the store's host is too short");
  }
  KEYHOLD_TRY_ASSIGN(const format::DekReply reply,
                     expect_reply<format::DekReply>(receive_body(
                         conversation, envelope, envelope.body_size_bytes - key_size)));
  KEYHOLD_TRY_ASSIGN(crypto::Key256 key, crypto::Key256::allocate());
  KEYHOLD_TRY(conversation.receive(key.bytes(crypto::SecretAccess::grant())));
  if (number(generation) != 0 && reply.generation != generation) {
    return fail(Code::integrity, "the store's host sent another generation than the one asked");
  }
  return Dek{.generation = reply.generation, .id = reply.key_id, .key = std::move(key)};
}

}  // namespace keyhold::host
