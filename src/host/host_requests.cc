// What the host answers on its control socket.
#include <type_traits>
#include <utility>

#include "host/host_parts.h"

namespace keyhold::host {
namespace {

// New files of clients use a new generation this much later at most.
constexpr std::uint32_t kHelloValidMs = 1000;
// How long a client may use keys without a word from here (DESIGN 3).
constexpr std::chrono::milliseconds kClientLease = std::chrono::seconds(6);

ControlAnswer without_key(format::ControlReply reply) {
  return {.reply = std::move(reply), .dek = {}};
}

ControlAnswer error_answer(const Error& error) {
  return without_key(format::ErrorReply{.code = error.code(), .message = error.message()});
}

kms::KeySpec to_spec(const format::ControlKeySpec& key) {
  return {.type = static_cast<kms::KeyType>(key.type),
          .uri = KeyUri(key.uri),
          .auth_principal = AuthPrincipal(key.auth_principal),
          .endpoint = key.endpoint,
          .ca_file = key.ca_file};
}

}  // namespace

// Runs on the server's thread: what may take long goes to the upkeep's.
void HostParts::handle(const format::ControlRequest& request, ControlServer::Respond respond) {
  ++requests_;
  if (const auto* rotate = std::get_if<format::RotateRequest>(&request)) {
    return post_order(std::move(respond),
                      [this, target = rotate->target]() -> Result<format::ControlReply> {
                        if (target == format::RotateTarget::kek) {
                          KEYHOLD_TRY(rotate_kek());
                          return format::RotateReply{};
                        }
                        KEYHOLD_TRY_ASSIGN(const Generation made, rotate_dek());
                        return format::RotateReply{made};
                      });
  }
  if (const auto* order = std::get_if<format::RewrapRequest>(&request)) {
    return post_order(std::move(respond), [this, order = *order]() -> Result<format::ControlReply> {
      KEYHOLD_TRY(order.to_other ? rewrap_to(to_spec(order.key)) : rewrap());
      return format::RewrapReply{};
    });
  }
  if (const auto* order = std::get_if<format::PolicyRequest>(&request)) {
    return post_order(std::move(respond), [this, order = *order]() -> Result<format::ControlReply> {
      KEYHOLD_TRY_ASSIGN(const std::uint64_t version, set_policy(order.text, order.expected));
      return format::PolicyReply{version};
    });
  }
  if (std::holds_alternative<format::SealRequest>(request)) {
    return post_to(lease_orders_, std::move(respond), [this]() -> Result<format::ControlReply> {
      KEYHOLD_TRY(order_seal());
      return format::SealReply{};
    });
  }
  if (std::holds_alternative<format::UnsealRequest>(request)) {
    return post_to(lease_orders_, std::move(respond), [this]() -> Result<format::ControlReply> {
      KEYHOLD_TRY(order_unseal());
      return format::UnsealReply{};
    });
  }
  if (std::holds_alternative<format::WatchRequest>(request)) {
    const Status serving = check_serving();
    if (!serving) respond(error_answer(serving.error()));
    return;  // else the server keeps it, until tell_watchers()
  }
  if (handle_files(request, respond)) return;
  auto reply = answer(request);
  respond(reply ? *std::move(reply) : error_answer(reply.error()));
}

Result<ControlAnswer> HostParts::answer(const format::ControlRequest& request) {
  if (std::holds_alternative<format::StatusRequest>(request)) {
    return without_key(format::StatusReply{to_json_text(status())});
  }
  KEYHOLD_TRY(usable_ring());
  if (const auto* wanted = std::get_if<format::DekRequest>(&request)) {
    return dek(wanted->generation);
  }
  if (const auto* report = std::get_if<format::ReportRequest>(&request)) {
    add_sealed_bytes(report->generation, report->sealed_bytes);
    return without_key(format::ReportReply{});
  }
  if (const auto* files = std::get_if<format::FilesRequest>(&request)) {
    const FileWish wish = take_report(from_message(*files));
    return without_key(
        format::FilesReply{.target = wish.target, .bytes_per_second = wish.bytes_per_second});
  }
  return hello();
}

Result<ControlAnswer> HostParts::hello() {
  const store::SealGuard::Use use(guard_);
  KEYHOLD_TRY(use.check());
  KEYHOLD_TRY_ASSIGN(const Generation current, ring()->current_generation());
  KEYHOLD_TRY_ASSIGN(const KeyId key_id, ring()->key_id(current));
  KEYHOLD_TRY_ASSIGN(const std::uint32_t lease_ms, client_lease());
  return without_key(format::HelloReply{.store = ring()->store_id(),
                                        .current = current,
                                        .key_id = key_id,
                                        .valid_ms = kHelloValidMs,
                                        .lease_ms = lease_ms,
                                        .epoch = use.epoch()});
}

// 0 where this host keeps no lease. Whole as long as the host serves at all: its watchers hear of a
// seal at once, and an engine whose right ran out before it is fenced would meet I/O errors. A host
// that is fencing its engine gives none any more, although its I/O is still answered.
Result<std::uint32_t> HostParts::client_lease() const {
  if (!options_.keeps_lease) return 0;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == HostState::sealing) {
      return fail(Code::sealed, "the store's host is sealing it: " + reason_);
    }
  }
  return static_cast<std::uint32_t>(std::chrono::milliseconds(kClientLease).count());
}

Status HostParts::check_serving() const {
  const std::lock_guard lock(mutex_);
  if (state_ == HostState::serving || state_ == HostState::degraded) return {};
  return fail(Code::sealed, "the store's host does not serve: " + reason_);
}

Result<ControlAnswer> HostParts::dek(Generation generation) {
  KEYHOLD_TRY(check_serving());
  const store::SealGuard::Use use(guard_);
  KEYHOLD_TRY(use.check());
  if (number(generation) == 0) {
    KEYHOLD_TRY_ASSIGN(generation, ring()->current_generation());
  }
  KEYHOLD_TRY_ASSIGN(const KeyId key_id, ring()->key_id(generation));
  return ControlAnswer{
      .reply = format::DekReply{.generation = generation, .key_id = key_id},
      .dek = [this, generation](const auto& use_dek) { return lend_dek(generation, use_dek); }};
}

Status HostParts::lend_dek(Generation generation, const std::function<void(ByteView)>& use_dek) {
  KEYHOLD_TRY(check_serving());
  const store::SealGuard::Use use(guard_);
  KEYHOLD_TRY(use.check());
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 key,
                     ring()->export_dek(generation, crypto::SecretAccess::grant()));
  use_dek(key.bytes(crypto::SecretAccess::grant()));
  return {};
}

void HostParts::post_order(ControlServer::Respond respond,
                           std::function<Result<format::ControlReply>()> order) {
  post_to(upkeep_, std::move(respond), std::move(order));
}

void HostParts::post_to(Upkeep& thread, ControlServer::Respond respond,
                        std::function<Result<format::ControlReply>()> order) {
  const auto shared = std::make_shared<ControlServer::Respond>(std::move(respond));
  const bool taken = thread.post([shared, order = std::move(order)] {
    auto reply = order();
    (*shared)(reply ? without_key(*std::move(reply)) : error_answer(reply.error()));
  });
  if (taken) return;
  const auto usable = usable_ring();
  (*shared)(error_answer(usable ? Error(Code::busy, "the store's host has too many orders to run")
                                : usable.error()));
}

}  // namespace keyhold::host
