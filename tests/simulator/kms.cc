#include "kms.h"

namespace keyhold::simulator {

void Kms::unwrap(LockboxId key, const Network& network,
                 const std::shared_ptr<std::optional<Session>>& session, const Reply& reply) {
  const CmekState& cmek = cmeks_.at(key);
  if (network == Network::refusing || cmek.mood == KmsMood::refusing) {
    return world_.after(milliseconds(1), [reply] { reply(ProbeAnswer::unavailable); });
  }
  if (network == Network::silent || cmek.mood == KmsMood::silent) return reply(std::nullopt);
  const nanoseconds way = cmek.latency / 2;
  world_.after(way, [this, key, &network, session, reply, way] {
    const ProbeAnswer answer = decide(cmeks_.at(key), *session);
    world_.after(way, [&network, reply, answer] {
      reply(network == Network::up ? std::optional(answer) : std::nullopt);
    });
  });
}

ProbeAnswer Kms::decide(const CmekState& cmek, std::optional<Session>& session) {
  switch (cmek.mood) {
    case KmsMood::well:
      break;
    case KmsMood::flapping:
      if (world_.chance.one_in(2)) return ProbeAnswer::denied;
      break;
    case KmsMood::ambiguous:
      return ProbeAnswer::ambiguous;
    case KmsMood::throttled:
    case KmsMood::refusing:
    case KmsMood::silent:
      return ProbeAnswer::unavailable;
  }
  if (!session || world_.now() >= session->until) {
    if (!cmek.trusted) return ProbeAnswer::denied;
    session = Session{.until = world_.now() + hours(1)};
  }
  return cmek.enabled ? ProbeAnswer::success : ProbeAnswer::denied;
}

Access access_to(const CmekState& cmek, Network network) {
  if (network != Network::up) return Access::out;
  switch (cmek.mood) {
    case KmsMood::throttled:
    case KmsMood::refusing:
    case KmsMood::silent:
      return Access::out;
    case KmsMood::flapping:
    case KmsMood::ambiguous:
      return Access::uncertain;
    case KmsMood::well:
      break;
  }
  const bool allows = cmek.enabled && cmek.trusted;
  // A denial counts however late it comes, a success does not.
  if (cmek.latency > milliseconds(1100) && allows) return Access::out;
  if (cmek.latency > milliseconds(300)) return Access::uncertain;
  return allows ? Access::good : Access::denying;
}

}  // namespace keyhold::simulator
