// `keyhold store seal` and `unseal`: orders to a store's host, or to its next one.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "host/host.h"

namespace keyhold::host {

enum class OrderTaken : std::uint8_t {
  by_host,      // a running host obeyed
  by_tombstone  // none runs: the tombstone alone was written or cleared; it binds the next
};

// A running host answers when no key is left in it, within a few seconds. Errors as ControlClient,
// and Code::busy where a host holds the store but does not serve its socket.
Result<OrderTaken> order_seal(const Environment& environment, const std::string& store_path,
                              Deadline deadline);
// Undoes a local order only: Code::invalid_argument where another keeps the store sealed. A running
// host serves again by itself once its KMS has agreed; this does not wait for it.
Result<OrderTaken> order_unseal(const Environment& environment, const std::string& store_path,
                                Deadline deadline);

}  // namespace keyhold::host
