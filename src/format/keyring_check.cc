// The rules of a key ring that are not a matter of bytes: bounds, counts, order, references.
#include <algorithm>
#include <string_view>

#include "format/keyring.h"

namespace keyhold::format {
namespace {

tl::unexpected<Error> broken(const std::string& what) {
  return fail(Code::invalid_argument, what);
}

Status check_name(std::string_view name, std::string_view what) {
  if (name.empty() || name.size() > kMaxNameSizeBytes) {
    return broken(std::string(what) + " is not a name of 1 to 255 bytes");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, is_control)) {
    return broken(std::string(what) + " has a control character");
  }
  return {};
}

bool spec_fits(const KeyringKeySpec& spec) {
  const auto fits = [](const std::string& text) { return text.size() <= kMaxSpecTextSizeBytes; };
  return spec.type != 0 && !spec.uri.empty() && fits(spec.uri) && fits(spec.auth_principal) &&
         fits(spec.endpoint) && fits(spec.ca_file);
}

Status check_lockbox(const KeyringLockbox& lockbox, const KeyringKek& kek) {
  if (lockbox.kek_version != kek.version) return broken("a lockbox is of another KEK version");
  if (!spec_fits(lockbox.spec)) return broken("a key spec is empty or too long");
  if (lockbox.kms_key_version.size() > kMaxKmsTextSizeBytes ||
      lockbox.algorithm.size() > kMaxKmsTextSizeBytes ||
      lockbox.request_id.size() > kMaxKmsTextSizeBytes) {
    return broken("what the KMS says of a lockbox is too long");
  }
  if (lockbox.purpose == 0) return broken("a lockbox has no purpose");
  if (lockbox.wrapped.empty() || lockbox.wrapped.size() > kMaxKmsWrapSizeBytes) {
    return broken("a wrapped KEK is empty or too long");
  }
  return {};
}

Status check_lockboxes(const KeyringRecord& record) {
  const auto& boxes = record.lockboxes;
  if (boxes.empty()) return broken("there is no lockbox");
  if (boxes.size() > kMaxLockboxes) return broken("there are more than 8 lockboxes");
  for (auto box = boxes.begin(); box != boxes.end(); ++box) {
    KEYHOLD_TRY(check_lockbox(*box, record.kek));
    const auto same = [&](const KeyringLockbox& other) { return other.spec == box->spec; };
    if (std::any_of(boxes.begin(), box, same)) return broken("two lockboxes are of one CMEK");
  }
  return {};
}

Status check_deks(const KeyringRecord& record) {
  if (record.deks.empty()) return broken("there is no DEK");
  if (record.deks.size() > kMaxGenerations) {
    return broken("there are more than 4096 DEK generations; re-encrypt and shred the oldest");
  }
  std::uint32_t last = 0;
  for (const KeyringDek& dek : record.deks) {
    if (dek.generation <= last) return broken("the DEK generations are out of order");
    last = dek.generation;
    if (dek.kek_version != record.kek.version) return broken("a DEK is of another KEK version");
  }
  return {};
}

Status check_unknown(const std::vector<KeyringUnknownRecord>& unknown) {
  if (unknown.size() > kMaxUnknownRecords) return broken("there are too many unknown records");
  if (!std::ranges::is_sorted(unknown, {}, &KeyringUnknownRecord::type)) {
    return broken("the unknown records are out of order");
  }
  std::size_t size = 0;
  for (const auto& record : unknown) size += record.value.size();
  if (size > kMaxUnknownSizeBytes) return broken("the unknown records are too long");
  return {};
}

}  // namespace

Status check_keyring_identity(const KeyringIdentity& identity) {
  KEYHOLD_TRY(check_name(identity.org, "the organization"));
  KEYHOLD_TRY(check_name(identity.cluster, "the cluster"));
  KEYHOLD_TRY(check_name(identity.region, "the region"));
  return check_name(identity.node, "the node");
}

Status check_keyring(const KeyringRecord& record) {
  KEYHOLD_TRY(check_keyring_identity(record.identity));
  if (record.sequence == 0) return broken("the sequence number is 0");
  if (record.kek.version == 0) return broken("the KEK version is 0");
  if ((record.rotation.age_seconds == 0) != (record.rotation.next_due == 0)) {
    return broken("age and due time of the rotation do not agree");
  }
  if (record.policy && record.policy->version == 0) return broken("the policy version is 0");
  KEYHOLD_TRY(check_lockboxes(record));
  KEYHOLD_TRY(check_deks(record));
  if (record.rollbacks.size() > kMaxRollbackEvents) return broken("there are too many events");
  return check_unknown(record.unknown);
}

}  // namespace keyhold::format
