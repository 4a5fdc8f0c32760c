#include "host/seal_orders.h"

#include "host/control_client.h"
#include "host/layout.h"
#include "host/store_lock.h"
#include "host/tombstone.h"

namespace keyhold::host {
namespace {

Status check_store(const Environment& environment, const StoreLayout& layout) {
  KEYHOLD_TRY(keyring::KeyRing::inspect(environment.files, layout.directory));
  return {};
}

// Asks the host; where none runs, `alone` does it under the store's lock.
template <typename Reply>
Result<OrderTaken> give(const Environment& environment, const StoreLayout& layout,
                        const format::ControlRequest& request, Deadline deadline,
                        const std::function<Status()>& alone) {
  KEYHOLD_TRY(check_store(environment, layout));
  const ControlClient client{.layout = layout, .clock = environment.clock};
  const auto reply = expect_reply<Reply>(client.ask(request, deadline));
  if (reply) return OrderTaken::by_host;
  if (reply.error().code() != Code::not_found) return fail(reply.error());
  KEYHOLD_TRY_ASSIGN(const auto lock, StoreLock::take(environment.files, layout, "keyhold"));
  KEYHOLD_TRY(alone());
  return OrderTaken::by_tombstone;
}

}  // namespace

Result<OrderTaken> order_seal(const Environment& environment, const std::string& store_path,
                              Deadline deadline) {
  const StoreLayout layout(store_path);
  return give<format::SealReply>(environment, layout, format::SealRequest{}, deadline, [&] {
    return write_tombstone(
        environment.files, layout,
        {.cause = control::SealCause::local_order, .at = environment.clock.wall_now()});
  });
}

Result<OrderTaken> order_unseal(const Environment& environment, const std::string& store_path,
                                Deadline deadline) {
  const StoreLayout layout(store_path);
  return give<format::UnsealReply>(
      environment, layout, format::UnsealRequest{}, deadline, [&]() -> Status {
        const auto tombstone = read_tombstone(environment.files, layout);
        if (tombstone && tombstone->cause != control::SealCause::local_order) {
          return fail(Code::invalid_argument, sealed_by(layout, *tombstone).message());
        }
        return clear_tombstone(environment.files, layout);
      });
}

}  // namespace keyhold::host
