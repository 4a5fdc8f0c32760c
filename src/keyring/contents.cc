#include "keyring/contents.h"

#include <algorithm>
#include <limits>

#include "keyring/lockboxes.h"
#include "keyring/state.h"
#include "keyring/times.h"

namespace keyhold::keyring {
namespace {

Lockbox to_lockbox(const format::KeyringRecord& record, const format::KeyringLockbox& lockbox) {
  return {.spec = to_key_spec(lockbox.spec),
          .context = wrap_context(record, static_cast<kms::Purpose>(lockbox.purpose)),
          .wrapped = lockbox.wrapped,
          .kms_key_version = KeyVersion(lockbox.kms_key_version),
          .algorithm = lockbox.algorithm,
          .request_id = lockbox.request_id,
          .created = to_wall(lockbox.created)};
}

GenerationInfo to_info(const format::KeyringDek& dek) {
  return {.generation = Generation{dek.generation},
          .key_id = dek.id,
          .kek_version = dek.kek_version,
          .created = to_wall(dek.created),
          .sealed_bytes = dek.sealed_bytes};
}

std::optional<PolicyPin> to_pin(const std::optional<format::KeyringPolicy>& policy) {
  if (!policy) return std::nullopt;
  return PolicyPin{.version = policy->version, .digest = policy->digest};
}

RotationPolicy to_policy(const format::KeyringRotation& rotation) {
  return {.age = std::chrono::seconds(std::min(rotation.age_seconds, kLastSecond)),
          .bytes = rotation.bytes};
}

}  // namespace

Contents to_contents(const format::KeyringRecord& record) {
  const auto& id = record.identity;
  const std::uint64_t due = record.rotation.next_due;
  Contents contents{
      .store = id.store,
      .identity = {OrgId(id.org), ClusterId(id.cluster), RegionName(id.region), NodeId(id.node)},
      .sequence = record.sequence,
      .store_epoch = record.store_epoch,
      .created = to_wall(record.created),
      .rotation = to_policy(record.rotation),
      .next_rotation_due = due == 0 ? WallTime::max() : to_wall(due),
      .policy = to_pin(record.policy),
      .kek_id = record.kek.id,
      .kek_version = record.kek.version,
      .kek_created = to_wall(record.kek.created),
      .lockboxes = {},
      .generations = {},
      .accepted_rollbacks = {}};
  for (const auto& box : record.lockboxes) contents.lockboxes.push_back(to_lockbox(record, box));
  for (const auto& dek : record.deks) contents.generations.push_back(to_info(dek));
  for (const auto& event : record.rollbacks) {
    contents.accepted_rollbacks.push_back(
        {to_wall(event.at), event.anchor_sequence, event.accepted_sequence});
  }
  return contents;
}

}  // namespace keyhold::keyring
