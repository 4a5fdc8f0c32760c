// The control socket's asking end: one request, one reply, a connection for each.
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "crypto/secret.h"
#include "format/control.h"
#include "host/layout.h"
#include "host/unique_fd.h"

namespace keyhold::host {

// Errors: what the host answers, by its code; Code::not_found where no host runs; Code::busy, and
// who it is, where it did not answer by the deadline, Code::io where it hung up; Code::permission
// where somebody else than root or the store's owner serves the socket.
struct ControlClient {
  const StoreLayout& layout;
  const Clock& clock;

  // Any request but get_dek.
  [[nodiscard]] Result<format::ControlReply> ask(const format::ControlRequest& request,
                                                 Deadline deadline) const;

  // Asks to be told of a seal. The socket becomes readable when the host says so, or ends.
  [[nodiscard]] Result<UniqueFd> watch(Deadline deadline) const;

  struct Dek {
    Generation generation{};
    KeyId id;
    crypto::Key256 key;
  };
  // The DEK is read from the kernel straight into secret memory.
  [[nodiscard]] Result<Dek> ask_dek(Generation generation, Deadline deadline) const;
};

// The reply of the expected kind. Code::integrity where the host answered another.
template <typename Reply>
Result<Reply> expect_reply(Result<format::ControlReply> reply) {
  if (!reply) return fail(std::move(reply).error());
  if (auto* found = std::get_if<Reply>(&*reply)) return std::move(*found);
  return fail(Code::integrity, "the host answered another question than the one asked");
}

}  // namespace keyhold::host
