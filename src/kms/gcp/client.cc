#include "kms/gcp/client.h"

#include "cloud/gcp/requests.h"
#include "cloud/secret_header.h"
#include "kms/gcp/messages/answers.h"
#include "kms/gcp/messages/wrapped.h"
#include "net/http_client.h"

namespace keyhold::kms {
namespace {

constexpr const char* kEndpoint = "https://cloudkms.googleapis.com";
constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloudkms";
constexpr std::chrono::seconds kTokenLifetime{3600};

tl::unexpected<Error> refuse(Fault fault, std::string message, std::string request_id = {}) {
  return tl::unexpected(Error(fault, std::move(message), std::move(request_id)));
}

// An answer of 200 that cannot be read, or was changed on the way, is no answer.
tl::unexpected<Error> unreadable(const keyhold::Error& error, const std::string& request_id) {
  return refuse(Fault::unavailable, error.message(), request_id);
}

// Under its name in lower case, without the trailing slash.
Result<std::string> endpoint_of(const KeySpec& spec) {
  if (spec.endpoint.empty()) return std::string(kEndpoint);
  const auto origin = net::parse_http_url(spec.endpoint);
  if (!origin) return refuse(Fault::configuration, origin.error().message());
  const bool loopback =
      origin->host == "127.0.0.1" || origin->host == "localhost" || origin->host == "[::1]";
  if (origin->scheme != "https" && !loopback) {
    return refuse(Fault::configuration, "endpoint " + spec.endpoint +
                                            ": a token is sent over "
                                            "https only");
  }
  std::string endpoint = spec.endpoint;
  if (endpoint.ends_with('/')) endpoint.pop_back();
  if (endpoint.find_first_of("?#") == std::string::npos) return endpoint;
  return refuse(Fault::configuration,
                "endpoint " + spec.endpoint + ": one looks like https://cloudkms.googleapis.com");
}

std::string new_request_id(crypto::Random& random) {
  return crypto::random_id<Id128<struct RequestIdTag>>(random).hex();
}

Result<KeyDescription> describe_from(const gcp::Described& described, const std::string& name,
                                     const std::string& request_id) {
  if (described.purpose != "ENCRYPT_DECRYPT") {
    return refuse(Fault::configuration,
                  name + " is for " + described.purpose + "; make a key for ENCRYPT_DECRYPT",
                  request_id);
  }
  if (described.version.empty()) {
    return refuse(Fault::configuration, name + " has no primary version", request_id);
  }
  KeyDescription description{.state = KeyState::enabled,
                             .primary_version = KeyVersion(described.version),
                             .deletion_date = {},
                             .request_id = request_id};
  if (described.state == "ENABLED") return description;
  const Fault fault = gcp::fault_of_state(described.state, Fault::unavailable);
  if (fault != Fault::disabled) {
    return refuse(fault, name + ": version " + described.version + " is " + described.state,
                  request_id);
  }
  const bool disabled = described.state == "DISABLED";
  description.state = disabled ? KeyState::disabled : KeyState::pending_deletion;
  if (!disabled) description.deletion_date = described.destroy_time;
  return description;
}

}  // namespace

Result<std::unique_ptr<Client>> GcpClient::create(const KeySpec& spec,
                                                  const cloud::Environment& environment,
                                                  const Clock& clock, crypto::Random& random) {
  if (spec.type != KeyType::gcp_cloud_kms) {
    return refuse(Fault::configuration, "not the spec of a Google Cloud KMS key");
  }
  auto key = gcp::parse_uri(spec.uri.str());
  if (!key) return refuse(Fault::configuration, key.error().message());
  Parts parts{.key = *std::move(key), .chain = {}, .endpoint = {}};
  if (!spec.auth_principal.empty()) {
    auto chain = cloud::gcp::parse_principals(spec.auth_principal.str());
    if (!chain) return refuse(Fault::configuration, chain.error().message());
    parts.chain = *std::move(chain);
  }
  KEYHOLD_TRY_ASSIGN(parts.endpoint, endpoint_of(spec));
  net::HttpOptions options;
  options.ca_file = spec.ca_file;
  return std::unique_ptr<Client>(new GcpClient(
      spec, std::move(parts), net::shared_http_client(clock, options), environment, clock, random));
}

GcpClient::GcpClient(KeySpec spec, Parts parts, std::shared_ptr<net::HttpClient> http,
                     const cloud::Environment& environment, const Clock& clock,
                     crypto::Random& random)
    : spec_(std::move(spec)),
      parts_(std::move(parts)),
      http_(std::move(http)),
      source_(http_, environment, clock),
      clock_(&clock),
      random_(&random) {}

Result<void> GcpClient::check(const WrapContext* context, Deadline deadline) const {
  if (deadline.expired(*clock_)) {
    return refuse(Fault::unavailable, "the deadline passed before the request");
  }
  if (context == nullptr) return {};
  const Status valid = check_context(*context);
  if (!valid) return refuse(Fault::configuration, valid.error().message());
  return {};
}

Result<cloud::gcp::AccessToken> GcpClient::log_in(Deadline deadline) {
  auto token = parts_.chain.empty()
                   ? source_.log_in(cloud::gcp::kCloudPlatformScope, deadline)
                   : source_.impersonate(parts_.chain, kScope, kTokenLifetime, deadline);
  if (!token) return tl::unexpected(gcp::fault_of(token.error()));
  return *std::move(token);
}

Result<WipedString> GcpClient::token(Deadline deadline, bool* kept) {
  const BootTime now = clock_->boot_now();
  {
    const std::lock_guard lock(mutex_);
    *kept = now < use_until_;
    if (*kept) return token_;
  }
  KEYHOLD_TRY_ASSIGN(cloud::gcp::AccessToken made, log_in(deadline));
  const std::lock_guard lock(mutex_);
  token_ = made.value;
  use_until_ = now + std::chrono::nanoseconds(made.lifetime) / 5 * 4;  // a fifth before its end
  return std::move(made.value);
}

template <typename Make>
Result<GcpClient::Answer> GcpClient::send(gcp::Step step, const WipedString& token,
                                          Deadline deadline, Make make, bool* stale) {
  const gcp::Call call{
      .endpoint = parts_.endpoint, .token = token, .request_id = new_request_id(*random_)};
  net::HttpRequest request = make(call);
  auto response = http_->send(request, deadline);
  cloud::wipe_headers(request);
  if (!response) {
    const bool ours = response.error().code() == Code::invalid_argument;
    return refuse(ours ? Fault::configuration : Fault::unavailable,
                  "Google Cloud KMS: " + response.error().message(), call.request_id);
  }
  if (response->status == 200) {
    return Answer{.body = std::move(response->body), .request_id = call.request_id};
  }
  gcp::Judgement judged = gcp::fault_of(step, *response, call.request_id);
  *stale = judged.stale_token || judged.error.fault() == Fault::denied;
  return tl::unexpected(std::move(judged.error));
}

template <typename Make>
Result<GcpClient::Answer> GcpClient::ask(gcp::Step step, Deadline deadline, Make make) {
  bool kept = false;
  bool stale = false;
  KEYHOLD_TRY_ASSIGN(WipedString used, token(deadline, &kept));
  Result<Answer> answer = send(step, used, deadline, make, &stale);
  if (answer || !kept || !stale) return answer;
  {
    const std::lock_guard lock(mutex_);
    use_until_ = {};
  }
  KEYHOLD_TRY_ASSIGN(used, token(deadline, &kept));
  return send(step, used, deadline, make, &stale);
}

Result<WrappedKey> GcpClient::wrap(const crypto::Key256& key, const WrapContext& context,
                                   Deadline deadline) {
  KEYHOLD_TRY(check(&context, deadline));
  const std::string json = to_canonical_json(context);
  KEYHOLD_TRY_ASSIGN(const Answer answer,
                     ask(gcp::Step::encrypt, deadline, [&](const gcp::Call& call) {
                       return gcp::encrypt_request(call, parts_.key, key, json);
                     }));
  auto wrapped = gcp::parse_encrypt(parts_.key, answer.body);
  if (!wrapped) return unreadable(wrapped.error(), answer.request_id);
  wrapped->request_id = answer.request_id;
  return *std::move(wrapped);
}

namespace {

Result<UnwrappedKey> unwrapped_from(WipedString& body, const std::string& request_id,
                                    std::uint32_t version) {
  auto unwrapped = gcp::parse_decrypt(body);
  if (!unwrapped) return unreadable(unwrapped.error(), request_id);
  unwrapped->key_version = KeyVersion(std::to_string(version));
  unwrapped->request_id = request_id;
  return *std::move(unwrapped);
}

}  // namespace

Result<UnwrappedKey> GcpClient::unwrap(ByteView ciphertext, const WrapContext& context,
                                       Deadline deadline) {
  KEYHOLD_TRY(check(&context, deadline));
  const auto wrapped = gcp::parse_wrapped(ciphertext);
  if (!wrapped) return refuse(Fault::malformed, wrapped.error().message());
  const std::string json = to_canonical_json(context);
  KEYHOLD_TRY_ASSIGN(Answer answer, ask(gcp::Step::decrypt, deadline, [&](const gcp::Call& call) {
                       return gcp::decrypt_request(call, parts_.key, wrapped->ciphertext, json);
                     }));
  return unwrapped_from(answer.body, answer.request_id, wrapped->version);
}

Result<KeyDescription> GcpClient::describe(Deadline deadline) {
  KEYHOLD_TRY(check(nullptr, deadline));
  KEYHOLD_TRY_ASSIGN(const Answer answer,
                     ask(gcp::Step::describe, deadline, [&](const gcp::Call& call) {
                       return gcp::describe_request(call, parts_.key);
                     }));
  const auto described = gcp::parse_describe(parts_.key, answer.body);
  if (!described) return unreadable(described.error(), answer.request_id);
  return describe_from(*described, parts_.key.key, answer.request_id);
}

Result<std::string> GcpClient::probe(ByteView ciphertext, const WrapContext& context,
                                     Deadline deadline) {
  KEYHOLD_TRY(check(&context, deadline));
  const auto wrapped = gcp::parse_wrapped(ciphertext);
  if (!wrapped) return refuse(Fault::malformed, wrapped.error().message());
  const std::string json = to_canonical_json(context);
  KEYHOLD_TRY_ASSIGN(const cloud::gcp::AccessToken made, log_in(deadline));
  bool stale = false;
  const auto make = [&](const gcp::Call& call) {
    return gcp::decrypt_request(call, parts_.key, wrapped->ciphertext, json);
  };
  KEYHOLD_TRY_ASSIGN(Answer answer, send(gcp::Step::decrypt, made.value, deadline, make, &stale));
  KEYHOLD_TRY_ASSIGN(const UnwrappedKey unwrapped,
                     unwrapped_from(answer.body, answer.request_id, wrapped->version));
  return unwrapped.request_id;
}

std::vector<LoginStep> GcpClient::walk_logins(Deadline deadline) {
  std::vector<LoginStep> steps = {{.name = "credentials", .detail = {}, .refusal = {}}};
  const auto refused = [&](const cloud::gcp::LoginError& error) {
    steps.back().refusal = gcp::fault_of(error);
    return steps;
  };
  const auto own = source_.own();
  if (!own) return refused(own.error());
  const auto token = source_.log_in(cloud::gcp::kCloudPlatformScope, deadline);
  if (!token) return refused(token.error());
  steps.back().detail = own->name;
  if (parts_.chain.empty()) return steps;
  steps.push_back({.name = "impersonate " + parts_.chain.back(), .detail = {}, .refusal = {}});
  const auto theirs = source_.impersonate(parts_.chain, kScope, kTokenLifetime, deadline);
  if (!theirs) {
    steps.back().missing = gcp::login_grants(parties());
    return refused(theirs.error());
  }
  steps.back().detail = "a token for " + std::to_string(theirs->lifetime.count()) + " s";
  return steps;
}

gcp::Parties GcpClient::parties() const {
  const auto own = source_.own();
  return {.chain = parts_.chain, .own = own ? own->email : "", .key = parts_.key.key};
}

std::vector<Grant> GcpClient::grants() const {
  return gcp::key_grants(parties());
}

Result<std::vector<Foretold>> GcpClient::foretell(const std::string& policy, const WrapContext&,
                                                  Deadline) {
  return gcp::foretell(policy, parties());
}

}  // namespace keyhold::kms
