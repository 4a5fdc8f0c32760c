#include "keyring/lockboxes.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "keyring/times.h"

namespace keyhold::keyring {
namespace {

Error of_cmek(const kms::Error& error, const std::string& uri) {
  return error.to_error().within("CMEK " + uri);
}

kms::Result<crypto::Key256> unwrap_checked(kms::Client& client,
                                           const format::KeyringLockbox& lockbox,
                                           const format::KeyringRecord& record, Deadline deadline) {
  const auto purpose = static_cast<kms::Purpose>(lockbox.purpose);
  auto unwrapped = client.unwrap(lockbox.wrapped, wrap_context(record, purpose), deadline);
  if (!unwrapped) return tl::unexpected(std::move(unwrapped).error());
  const auto check = crypto::check_value(unwrapped->key);
  if (!check) {
    return tl::unexpected(kms::Error(kms::Fault::configuration, check.error().message()));
  }
  if (*check != record.kek.check) {
    return tl::unexpected(kms::Error(
        kms::Fault::malformed, "the KMS gave another key than the one that made this key ring",
        unwrapped->request_id));
  }
  return std::move(unwrapped->key);
}

kms::Result<crypto::Key256> ask(const format::KeyringLockbox& lockbox,
                                const format::KeyringRecord& record, const ClientFactory& clients,
                                Deadline deadline) {
  auto client = clients(to_key_spec(lockbox.spec), caller_of(record));
  if (!client) return tl::unexpected(std::move(client).error());
  return unwrap_checked(**client, lockbox, record, deadline);
}

Deadline share_of(Deadline whole, const Clock& clock, std::size_t shares) {
  if (shares == 1) return whole;
  return Deadline::after(clock, whole.remaining(clock) / static_cast<std::int64_t>(shares));
}

// What the lockboxes answered, put together by the denial rule.
class Answers {
 public:
  explicit Answers(DenialRule rule) : rule_(rule) {}

  void add(const std::string& uri, kms::Result<crypto::Key256> answer);
  // Nothing that another lockbox says can change the outcome.
  [[nodiscard]] bool decided() const { return denied_ && rule_ == DenialRule::any_denied; }
  Result<Unlocked> outcome(std::size_t lockboxes);

 private:
  DenialRule rule_;
  crypto::Key256 kek_;
  std::optional<Error> denied_, outage_, other_;
  std::size_t denials_ = 0;
  std::vector<std::string> problems_;
};

void Answers::add(const std::string& uri, kms::Result<crypto::Key256> answer) {
  if (answer) {
    if (kek_.empty()) kek_ = *std::move(answer);
    return;
  }
  Error error = of_cmek(answer.error(), uri);
  problems_.push_back(error.message());
  const kms::Fault fault = answer.error().fault();
  denials_ += kms::is_denial(fault) ? 1 : 0;
  auto& slot = kms::is_denial(fault) ? denied_ : kms::is_outage(fault) ? outage_ : other_;
  if (!slot) slot = std::move(error);
}

Result<Unlocked> Answers::outcome(std::size_t lockboxes) {
  if (decided() || denials_ == lockboxes) return fail(*denied_);
  if (!kek_.empty()) return Unlocked{std::move(kek_), std::move(problems_)};
  // An outage may pass; what is wrong for good is told only when nothing else can help.
  if (outage_) return fail(*outage_);
  return fail(other_ ? *other_ : *denied_);
}

}  // namespace

kms::KeySpec to_key_spec(const format::KeyringKeySpec& spec) {
  return {.type = static_cast<kms::KeyType>(spec.type),
          .uri = KeyUri(spec.uri),
          .auth_principal = AuthPrincipal(spec.auth_principal),
          .endpoint = spec.endpoint,
          .ca_file = spec.ca_file};
}

format::KeyringKeySpec to_record(const kms::KeySpec& spec) {
  return {.type = static_cast<std::uint8_t>(spec.type),
          .uri = spec.uri.str(),
          .auth_principal = spec.auth_principal.str(),
          .endpoint = spec.endpoint,
          .ca_file = spec.ca_file};
}

kms::Caller caller_of(const format::KeyringRecord& record) {
  return {.org = OrgId(record.identity.org),
          .cluster = ClusterId(record.identity.cluster),
          .region = RegionName(record.identity.region)};
}

kms::WrapContext wrap_context(const format::KeyringRecord& record, kms::Purpose purpose) {
  return {.org = OrgId(record.identity.org),
          .cluster = ClusterId(record.identity.cluster),
          .region = RegionName(record.identity.region),
          .purpose = purpose,
          .key_id = record.kek.id,
          .version = record.kek.version};
}

Result<format::KeyringLockbox> make_lockbox(kms::Client& client, const crypto::Key256& kek,
                                            const format::KeyringRecord& record, WallTime now,
                                            Deadline deadline) {
  const auto purpose = kms::Purpose::serve;
  auto wrapped = client.wrap(kek, wrap_context(record, purpose), deadline);
  if (!wrapped) return fail(of_cmek(wrapped.error(), client.spec().uri.str()));
  format::KeyringLockbox lockbox{.kek_version = record.kek.version,
                                 .spec = to_record(client.spec()),
                                 .kms_key_version = wrapped->key_version.str(),
                                 .algorithm = std::move(wrapped->algorithm),
                                 .purpose = static_cast<std::uint8_t>(purpose),
                                 .created = to_seconds(now),
                                 .request_id = std::move(wrapped->request_id),
                                 .wrapped = std::move(wrapped->ciphertext)};
  KEYHOLD_TRY(open_lockbox(client, lockbox, record, deadline));
  return lockbox;
}

Result<crypto::Key256> open_lockbox(kms::Client& client, const format::KeyringLockbox& lockbox,
                                    const format::KeyringRecord& record, Deadline deadline) {
  auto key = unwrap_checked(client, lockbox, record, deadline);
  if (!key) return fail(of_cmek(key.error(), lockbox.spec.uri));
  return *std::move(key);
}

Result<Unlocked> unlock(const format::KeyringRecord& record, const ClientFactory& clients,
                        DenialRule rule, const Clock& clock, Deadline deadline) {
  Answers answers(rule);
  std::size_t left = record.lockboxes.size();
  for (const format::KeyringLockbox& lockbox : record.lockboxes) {
    answers.add(lockbox.spec.uri, ask(lockbox, record, clients, share_of(deadline, clock, left)));
    if (answers.decided()) break;
    --left;
  }
  return answers.outcome(record.lockboxes.size());
}

}  // namespace keyhold::keyring
