// What the host answers on its control socket.
#include <type_traits>
#include <utility>

#include "host/host_parts.h"

namespace keyhold::host {
namespace {

// New files of clients use a new generation this much later at most.
constexpr std::uint32_t kHelloValidMs = 1000;

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
  return hello();
}

Result<ControlAnswer> HostParts::hello() {
  const store::SealGuard::Use use(guard_);
  KEYHOLD_TRY(use.check());
  KEYHOLD_TRY_ASSIGN(const Generation current, ring()->current_generation());
  KEYHOLD_TRY_ASSIGN(const KeyId key_id, ring()->key_id(current));
  return without_key(format::HelloReply{.store = ring()->store_id(),
                                        .current = current,
                                        .key_id = key_id,
                                        .valid_ms = kHelloValidMs,
                                        .epoch = use.epoch()});
}

Result<ControlAnswer> HostParts::dek(Generation generation) {
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
  const store::SealGuard::Use use(guard_);
  KEYHOLD_TRY(use.check());
  KEYHOLD_TRY_ASSIGN(const crypto::Key256 key,
                     ring()->export_dek(generation, crypto::SecretAccess::grant()));
  use_dek(key.bytes(crypto::SecretAccess::grant()));
  return {};
}

void HostParts::post_order(ControlServer::Respond respond,
                           std::function<Result<format::ControlReply>()> order) {
  const auto shared = std::make_shared<ControlServer::Respond>(std::move(respond));
  const bool taken = upkeep_.post([shared, order = std::move(order)] {
    auto reply = order();
    (*shared)(reply ? without_key(*std::move(reply)) : error_answer(reply.error()));
  });
  if (taken) return;
  const auto usable = usable_ring();
  (*shared)(error_answer(usable ? Error(Code::busy, "the store's host has too many orders to run")
                                : usable.error()));
}

}  // namespace keyhold::host
