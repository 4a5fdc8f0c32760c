#include "kms/aws/client.h"

#include <algorithm>
#include <utility>

#include "cloud/aws/requests.h"
#include "kms/aws/messages/answers.h"
#include "kms/aws/messages/requests.h"
#include "kms/aws/principal.h"

namespace keyhold::kms {
namespace {

constexpr std::chrono::minutes kPreference{1};
constexpr std::size_t kMaxResponseBytes = 256U << 10U;

tl::unexpected<Error> refuse(Fault fault, std::string message, std::string request_id = {}) {
  return tl::unexpected(Error(fault, std::move(message), std::move(request_id)));
}
tl::unexpected<Error> bad_spec(const keyhold::Error& error) {
  return refuse(Fault::configuration, error.message());
}

// An answer of 200 that cannot be read is no answer.
tl::unexpected<Error> unreadable(const std::string& step, const keyhold::Error& error,
                                 const std::string& request_id) {
  return refuse(Fault::unavailable, step + ": " + error.message(), request_id);
}

// The id behind "key/" of an ARN: what stands for the version where KMS tells no key material.
std::string key_id_of(std::string_view arn) {
  return std::string(arn.substr(arn.rfind('/') + 1));
}

KeyVersion version_of(const std::string& material_id, const std::string& arn) {
  return KeyVersion(material_id.empty() ? key_id_of(arn) : material_id);
}

// AWS KMS Developer Guide, "Key states of AWS KMS keys".
Result<KeyState> state_of(const aws::KeyMetadata& key) {
  if (key.state == "Enabled" || key.state == "Updating") return KeyState::enabled;
  if (key.state == "Disabled" || key.state == "PendingImport") return KeyState::disabled;
  if (key.state == "PendingDeletion" || key.state == "PendingReplicaDeletion") {
    return KeyState::pending_deletion;
  }
  const Fault fault = key.state == "Unavailable" ? Fault::ambiguous : Fault::unavailable;
  return refuse(fault, "the key's state is " + key.state.substr(0, 64));
}

std::string said_more_than_a_state(const std::string& state) {
  const bool plain = state == "Enabled" || state == "Disabled" || state == "PendingDeletion";
  return plain ? "" : state;
}

bool may_try_again(const Error& error) {
  return error.fault() == Fault::unavailable || error.fault() == Fault::throttled;
}

std::string step_of(std::string_view action, const std::string& arn) {
  return "kms:" + std::string(action) + " " + arn;
}

}  // namespace

AwsClient::AwsClient(KeySpec spec, aws::KeyLocation key, std::vector<std::string> regions,
                     bool fips, std::unique_ptr<aws::Session> session, const Clock& clock)
    : spec_(std::move(spec)),
      key_(std::move(key)),
      regions_(std::move(regions)),
      fips_(fips),
      session_(std::move(session)),
      clock_(&clock) {}

Result<std::unique_ptr<Client>> AwsClient::create(const KeySpec& spec, const Caller& caller,
                                                  const cloud::Environment& environment,
                                                  const Clock& clock) {
  auto key = aws::parse_uri(spec.uri.str());
  if (!key) return bad_spec(key.error());
  auto roles = aws::parse_principal(spec.auth_principal.str(), caller.org);
  if (!roles) return bad_spec(roles.error());
  KeySpec own = spec;
  if (!spec.endpoint.empty()) {
    auto endpoint = aws::parse_endpoint(spec.endpoint);
    if (!endpoint) return bad_spec(endpoint.error());
  }
  net::HttpOptions options;
  options.ca_file = spec.ca_file.empty() ? environment.get_or("AWS_CA_BUNDLE", "") : spec.ca_file;
  options.max_response_bytes = kMaxResponseBytes;
  auto session = std::make_unique<aws::Session>(
      *std::move(roles), cloud::aws::session_name(caller.cluster.str()),
      net::shared_http_client(clock, options), environment, clock);
  std::vector<std::string> regions = key->regions_from(caller.region.str());
  return std::unique_ptr<Client>(new AwsClient(std::move(own), *std::move(key), std::move(regions),
                                               cloud::aws::uses_fips(environment),
                                               std::move(session), clock));
}

AwsClient::Target AwsClient::target(std::size_t region) const {
  const std::string& name = regions_.at(region);
  std::string_view endpoint = spec_.endpoint;
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  return {.region = name,
          .endpoint = aws::endpoint_in(endpoint, name, fips_),
          .arn = key_.arn_in(name)};
}

std::size_t AwsClient::first_region() {
  const std::lock_guard lock(mutex_);
  return clock_->boot_now() < preferred_until_ ? preferred_ : 0;
}

void AwsClient::prefer(std::size_t region) {
  const std::lock_guard lock(mutex_);
  preferred_ = region;
  preferred_until_ = clock_->boot_now() + kPreference;
}

template <typename T, typename Work>
Result<T> AwsClient::in_regions(aws::Credentials with, Deadline deadline, Work work) {
  if (deadline.expired(*clock_)) return refuse(Fault::unavailable, "AWS KMS: out of time");
  const std::size_t first = first_region();
  const std::size_t replicas = regions_.size();
  // A key without replicas is asked a second time where it is.
  const bool again = replicas == 1 && with == aws::Credentials::kept;
  const std::size_t attempts = again ? 2 : replicas;
  for (std::size_t i = 0;; ++i) {
    const std::size_t region = (first + i) % replicas;
    // A region that does not answer must leave time for those behind it.
    const auto share = deadline.remaining(*clock_) / static_cast<std::int64_t>(attempts - i);
    auto outcome = work(target(region), again ? deadline : Deadline::after(*clock_, share));
    const bool answered = outcome || !may_try_again(outcome.error());
    if (answered && i > 0 && replicas > 1) prefer(region);
    if (answered || i + 1 == attempts || deadline.expired(*clock_)) return outcome;
  }
}

Result<void> AwsClient::check(const WrapContext& context) const {
  if (const Status good = check_context(context); !good) return bad_spec(good.error());
  return {};
}

// An alias may point anywhere in its account; a key is the one that was asked.
Result<void> AwsClient::check_answer(const Target& target, std::string_view key_arn,
                                     const std::string& request_id) const {
  const auto answered = cloud::aws::parse_arn(key_arn);
  const bool same = key_.is_alias() ? answered && answered->service == "kms" &&
                                          answered->region == target.region &&
                                          answered->account == key_.arn.account &&
                                          answered->resource.starts_with("key/")
                                    : key_arn == target.arn;
  if (same) return {};
  return refuse(Fault::malformed, "AWS KMS answered for another key than " + target.arn,
                request_id);
}

Result<AwsClient::Described> AwsClient::describe_in(const Target& target, Deadline deadline) {
  const std::string step = step_of("DescribeKey", target.arn);
  KEYHOLD_TRY_ASSIGN(const aws::Answer answer,
                     session_->ask(aws::describe_request(target.endpoint, target.arn),
                                   target.region, step, aws::Credentials::kept, deadline));
  auto key = aws::parse_describe(answer.body);
  if (!key) return unreadable(step, key.error(), answer.request_id);
  KEYHOLD_TRY(check_answer(target, key->arn, answer.request_id));
  KEYHOLD_TRY(aws::check_key_type(*key));
  return Described{.key = *std::move(key), .request_id = answer.request_id};
}

Result<WrappedKey> AwsClient::wrap_in(const Target& target, const crypto::Key256& key,
                                      const WrapContext& context, Deadline deadline) {
  const std::string step = step_of("Encrypt", target.arn);
  // Before, so that a rotation in between makes the record look old, never new.
  KEYHOLD_TRY_ASSIGN(const Described described, describe_in(target, deadline));
  KEYHOLD_TRY_ASSIGN(const aws::Answer answer,
                     session_->ask(aws::encrypt_request(target.endpoint, target.arn, key, context),
                                   target.region, step, aws::Credentials::kept, deadline));
  auto encrypted = aws::parse_encrypt(answer.body);
  if (!encrypted) return unreadable(step, encrypted.error(), answer.request_id);
  KEYHOLD_TRY(check_answer(target, encrypted->key_arn, answer.request_id));
  return WrappedKey{
      .ciphertext = std::move(encrypted->ciphertext),
      .key_version = version_of(described.key.current_material_id, encrypted->key_arn),
      .algorithm = std::move(encrypted->algorithm),
      .request_id = answer.request_id};
}

Result<UnwrappedKey> AwsClient::unwrap_in(const Target& target, ByteView ciphertext,
                                          const WrapContext& context, aws::Credentials with,
                                          Deadline deadline) {
  const std::string step = step_of("Decrypt", target.arn);
  KEYHOLD_TRY_ASSIGN(
      aws::Answer answer,
      session_->ask(aws::decrypt_request(target.endpoint, target.arn, ciphertext, context),
                    target.region, step, with, deadline));
  auto decrypted = aws::parse_decrypt(answer.body);
  if (!decrypted) return unreadable(step, decrypted.error(), answer.request_id);
  KEYHOLD_TRY(check_answer(target, decrypted->key_arn, answer.request_id));
  if (decrypted->key.empty()) {
    return refuse(Fault::malformed, step + ": what was wrapped is no 256-bit key",
                  answer.request_id);
  }
  return UnwrappedKey{.key = std::move(decrypted->key),
                      .key_version = version_of(decrypted->key_material_id, decrypted->key_arn),
                      .request_id = answer.request_id};
}

Result<UnwrappedKey> AwsClient::unwrap_with(aws::Credentials with, ByteView ciphertext,
                                            const WrapContext& context, Deadline deadline) {
  KEYHOLD_TRY(check(context));
  if (ciphertext.empty() || ciphertext.size() > aws::kMaxCiphertextBytes) {
    return refuse(Fault::malformed,
                  "not a ciphertext of AWS KMS: " + std::to_string(ciphertext.size()) + " bytes");
  }
  return in_regions<UnwrappedKey>(with, deadline, [&](const Target& target, Deadline until) {
    return unwrap_in(target, ciphertext, context, with, until);
  });
}

Result<WrappedKey> AwsClient::wrap(const crypto::Key256& key, const WrapContext& context,
                                   Deadline deadline) {
  KEYHOLD_TRY(check(context));
  return in_regions<WrappedKey>(
      aws::Credentials::kept, deadline,
      [&](const Target& target, Deadline until) { return wrap_in(target, key, context, until); });
}

Result<UnwrappedKey> AwsClient::unwrap(ByteView ciphertext, const WrapContext& context,
                                       Deadline deadline) {
  return unwrap_with(aws::Credentials::kept, ciphertext, context, deadline);
}

Result<std::string> AwsClient::probe(ByteView ciphertext, const WrapContext& context,
                                     Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(const UnwrappedKey unwrapped,
                     unwrap_with(aws::Credentials::made_now, ciphertext, context, deadline));
  return unwrapped.request_id;
}

Result<KeyDescription> AwsClient::describe(Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(const Described described,
                     in_regions<Described>(aws::Credentials::kept, deadline,
                                           [&](const Target& target, Deadline until) {
                                             return describe_in(target, until);
                                           }));
  KEYHOLD_TRY_ASSIGN(const KeyState state, state_of(described.key));
  return KeyDescription{
      .state = state,
      .primary_version = version_of(described.key.current_material_id, described.key.arn),
      .deletion_date = described.key.deletion_date,
      .request_id = described.request_id,
      .kms_state = said_more_than_a_state(described.key.state),
      .expires = described.key.valid_to,
      .deletable_at_once = described.key.origin == "EXTERNAL"};
}

std::vector<LoginStep> AwsClient::walk_logins(Deadline deadline) {
  return session_->walk_logins(regions_.front(), deadline);
}

aws::Parties AwsClient::parties() const {
  return {.roles = session_->roles(), .own = session_->identity(), .key_arn = key_.arn.text()};
}

std::vector<Grant> AwsClient::grants() const {
  return aws::key_grants(parties());
}

Result<std::vector<Foretold>> AwsClient::foretell(const std::string& policy,
                                                  const WrapContext& context, Deadline deadline) {
  if (session_->identity().empty()) {
    const auto steps = walk_logins(deadline);
    if (session_->identity().empty()) return tl::unexpected(*steps.front().refusal);
  }
  aws::Parties parties = this->parties();
  // Policies are judged by the key that an alias stands for.
  if (key_.is_alias()) {
    KEYHOLD_TRY_ASSIGN(const Described described, describe_in(target(0), deadline));
    parties.key_arn = described.key.arn;
  }
  return aws::foretell(policy, parties, context);
}

}  // namespace keyhold::kms
