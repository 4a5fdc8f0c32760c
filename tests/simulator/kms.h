// The customer's KMS and IAM, one key a lockbox, and the networks between them and the hosts.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "control/lease.h"
#include "world.h"

namespace keyhold::simulator {

using control::LockboxId;
using control::ProbeAnswer;

enum class KmsMood : std::uint8_t {
  well,
  flapping,   // answers mixed, as clouds do while a change spreads
  ambiguous,  // answers that can mean refusal or outage
  throttled,
  refusing,  // no connection
  silent,    // no answer
};

struct CmekState {
  bool enabled = true;
  bool trusted = true;  // whether the host's principal may still log in
  KmsMood mood = KmsMood::well;
  nanoseconds latency = milliseconds(20);
};

enum class Network : std::uint8_t { up, refusing, silent };

// Of a login: good for an hour whatever happens to the trust that it came from.
struct Session {
  BootTime until;
};

// What a call ends with; nothing where no answer ever comes.
using Reply = std::function<void(std::optional<ProbeAnswer>)>;

class Kms {
 public:
  explicit Kms(World& world) : world_(world) {}

  CmekState& cmek(LockboxId key) { return cmeks_[key]; }
  [[nodiscard]] const CmekState& cmek(LockboxId key) const { return cmeks_.at(key); }

  // An unwrap with what `session` holds, or after a login that fills it. `network` is looked at
  // on both ways, so it outlives the call.
  void unwrap(LockboxId key, const Network& network,
              const std::shared_ptr<std::optional<Session>>& session, const Reply& reply);

 private:
  ProbeAnswer decide(const CmekState& cmek, std::optional<Session>& session);

  World& world_;
  std::map<LockboxId, CmekState> cmeks_;
};

// What a probe that began now would come to, for certain: what checks may count on.
enum class Access : std::uint8_t { good, denying, out, uncertain };
Access access_to(const CmekState& cmek, Network network);

}  // namespace keyhold::simulator
