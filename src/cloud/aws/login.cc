#include "cloud/aws/login.h"

#include <algorithm>
#include <utility>

#include "cloud/aws/answers.h"
#include "cloud/aws/arn.h"
#include "cloud/secret_header.h"

namespace keyhold::cloud::aws {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::hours kOwnLifetime{1};  // what every role allows, a chained one too
constexpr std::chrono::seconds kNearConnect{1};

std::shared_ptr<net::HttpClient> near_client(const Clock& clock) {
  net::HttpOptions options;
  options.connect_timeout = kNearConnect;
  options.max_response_bytes = 64U << 10U;
  return net::shared_http_client(clock, options);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

// A token as a file holds it.
LoginResult<WipedString> read_token(const Environment& environment, const std::string& path) {
  const auto content = environment.read_file(path);
  if (!content) return refuse(Refusal::configuration, content.error().message());
  const std::string_view token = trimmed(*content);
  const bool clean = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
  if (token.empty() || !clean) return refuse(Refusal::configuration, path + " holds no token");
  return WipedString(token);
}

bool is_jwt(std::string_view token) {
  return std::ranges::all_of(token, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '=';
  });
}

RoleHop with_session(RoleHop hop, const std::string& session_name) {
  if (hop.session_name.empty()) hop.session_name = session_name;
  return hop;
}

}  // namespace

Login::Login(std::shared_ptr<net::HttpClient> http, const Environment& environment,
             const Clock& clock, std::string session_name)
    : http_(std::move(http)),
      near_(near_client(clock)),
      environment_(&environment),
      clock_(&clock),
      session_name_(std::move(session_name)) {}

LoginResult<net::HttpResponse> Login::send(net::HttpClient& http, net::HttpRequest request,
                                           const std::string& step, Deadline deadline) {
  auto response = http.send(request, deadline);
  wipe_headers(request);
  if (response) return *std::move(response);
  const bool ours = response.error().code() == Code::invalid_argument;
  return refuse(ours ? Refusal::configuration : Refusal::unavailable,
                step + ": " + response.error().message());
}

TimedCredentials Login::timed(Credentials credentials, BootTime asked) const {
  TimedCredentials timed{
      .credentials = std::move(credentials), .asked = asked, .use_until = std::nullopt};
  if (timed.credentials.expires_at) {
    const nanoseconds left = *timed.credentials.expires_at - clock_->wall_now();
    timed.use_until = asked + left / 5 * 4;
  }
  return timed;
}

LoginResult<TimedCredentials> Login::assume(const std::vector<RoleHop>& roles,
                                            const Credentials& own, const StsEndpoint& sts,
                                            std::chrono::seconds lifetime, Deadline deadline) {
  const BootTime asked = clock_->boot_now();
  Credentials credentials = own;
  for (const RoleHop& hop : roles) {
    const std::string step = "AssumeRole " + hop.role_arn;
    const WallTime now = clock_->wall_now();
    KEYHOLD_TRY_ASSIGN(
        net::HttpResponse response,
        send(*http_,
             assume_role_request(sts, with_session(hop, session_name_), lifetime, credentials, now),
             step, deadline));
    auto made = parse_sts(response, step, now);
    // A role on the way is not the one whose word was asked for.
    if (!made && &hop != &roles.back() && made.error().refusal == Refusal::denied) {
      made.error().refusal = Refusal::configuration;
      made.error().message = "on the way to " + roles.back().role_arn + ": " + made.error().message;
    }
    KEYHOLD_TRY_ASSIGN(credentials, std::move(made));
  }
  // By the lifetime that was asked for, whatever the two clocks say.
  return TimedCredentials{.credentials = std::move(credentials),
                          .asked = asked,
                          .use_until = asked + nanoseconds(lifetime) / 5 * 4};
}

LoginResult<std::string> Login::identity(const Credentials& credentials, const StsEndpoint& sts,
                                         Deadline deadline) {
  const WallTime now = clock_->wall_now();
  KEYHOLD_TRY_ASSIGN(
      net::HttpResponse response,
      send(*http_, caller_identity_request(sts, credentials, now), "GetCallerIdentity", deadline));
  return parse_identity(response, now);
}

LoginResult<TimedCredentials> Login::with_web_identity(WebIdentity identity, const StsEndpoint& sts,
                                                       Deadline deadline) {
  const std::string step = "AssumeRoleWithWebIdentity " + identity.role_arn;
  KEYHOLD_TRY_ASSIGN(const WipedString token, read_token(*environment_, identity.token_file));
  if (!is_jwt(token)) {
    return refuse(Refusal::configuration, identity.token_file + " holds no web identity token");
  }
  if (identity.session_name.empty()) identity.session_name = session_name_;
  const BootTime asked = clock_->boot_now();
  KEYHOLD_TRY_ASSIGN(
      net::HttpResponse response,
      send(*http_, web_identity_request(sts, identity, token, kOwnLifetime), step, deadline));
  KEYHOLD_TRY_ASSIGN(Credentials credentials, parse_sts(response, step, clock_->wall_now()));
  return timed(std::move(credentials), asked);
}

LoginResult<TimedCredentials> Login::of_container(const ContainerEndpoint& container,
                                                  Deadline deadline) {
  WipedString token = container.token;
  if (!container.token_file.empty()) {
    KEYHOLD_TRY_ASSIGN(token, read_token(*environment_, container.token_file));
  }
  const std::string step = "the container's credentials endpoint";
  const BootTime asked = clock_->boot_now();
  KEYHOLD_TRY_ASSIGN(net::HttpResponse response,
                     send(*near_, container_request(container, token), step, deadline));
  KEYHOLD_TRY_ASSIGN(Credentials credentials, parse_endpoint_credentials(response, step));
  return timed(std::move(credentials), asked);
}

LoginResult<TimedCredentials> Login::of_metadata(const InstanceMetadata& metadata,
                                                 Deadline deadline) {
  const std::string step = "the instance metadata service";
  const BootTime asked = clock_->boot_now();
  KEYHOLD_TRY_ASSIGN(net::HttpResponse answer,
                     send(*near_, metadata_token_request(metadata), step, deadline));
  KEYHOLD_TRY_ASSIGN(const WipedString token, parse_metadata_token(answer));
  KEYHOLD_TRY_ASSIGN(answer, send(*near_, metadata_role_request(metadata, token), step, deadline));
  KEYHOLD_TRY_ASSIGN(const std::string role, parse_metadata_role(answer));
  KEYHOLD_TRY_ASSIGN(
      answer, send(*near_, metadata_credentials_request(metadata, role, token), step, deadline));
  KEYHOLD_TRY_ASSIGN(Credentials credentials, parse_endpoint_credentials(answer, step));
  return timed(std::move(credentials), asked);
}

LoginResult<TimedCredentials> Login::base_of(const Source& source, const StsEndpoint& sts,
                                             Deadline deadline) {
  if (const auto* keys = std::get_if<StaticKeys>(&source.base)) {
    return TimedCredentials{
        .credentials = keys->credentials, .asked = clock_->boot_now(), .use_until = std::nullopt};
  }
  if (const auto* web = std::get_if<WebIdentity>(&source.base)) {
    return with_web_identity(*web, sts, deadline);
  }
  if (const auto* container = std::get_if<ContainerEndpoint>(&source.base)) {
    return of_container(*container, deadline);
  }
  return of_metadata(std::get<InstanceMetadata>(source.base), deadline);
}

LoginResult<TimedCredentials> Login::log_in(const StsEndpoint& sts, Deadline deadline) {
  const auto source = find_source(*environment_);
  if (!source) return refuse(Refusal::configuration, source.error().message());
  KEYHOLD_TRY_ASSIGN(TimedCredentials credentials, base_of(*source, sts, deadline));
  if (source->roles.empty()) return credentials;
  return assume(source->roles, credentials.credentials, sts, kOwnLifetime, deadline);
}

LoginResult<Credentials> Login::own(const StsEndpoint& sts, Deadline deadline) {
  if (auto credentials = kept(false)) return *std::move(credentials);
  auto made = own_anew(sts, deadline);
  if (made) return made;
  const bool outage =
      made.error().refusal == Refusal::unavailable || made.error().refusal == Refusal::throttled;
  auto old = outage ? kept(true) : std::nullopt;
  if (old) return *std::move(old);
  return made;
}

LoginResult<Credentials> Login::own_anew(const StsEndpoint& sts, Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(TimedCredentials made, log_in(sts, deadline));
  keep(made);
  return std::move(made.credentials);
}

// Those that do not end are read anew each time.
std::optional<Credentials> Login::kept(bool even_if_due) {
  const std::lock_guard lock(mutex_);
  if (!kept_ || !kept_->use_until) return std::nullopt;
  const nanoseconds good_for = *kept_->use_until - kept_->asked;
  const BootTime end = even_if_due ? kept_->asked + good_for / 4 * 5 : *kept_->use_until;
  return clock_->boot_now() < end ? std::optional(kept_->credentials) : std::nullopt;
}

void Login::keep(const TimedCredentials& credentials) {
  const std::lock_guard lock(mutex_);
  kept_ = credentials;
}

void Login::forget() {
  const std::lock_guard lock(mutex_);
  kept_.reset();
}

StsEndpoint sts_endpoint(const Environment& environment, const std::string& region) {
  std::string url;
  if (environment.get_or("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "") != "true") {
    url = environment.get_or("AWS_ENDPOINT_URL_STS", environment.get_or("AWS_ENDPOINT_URL", ""));
  }
  if (url.empty()) url = service_endpoint("sts", region, uses_fips(environment));
  while (url.ends_with('/')) url.pop_back();
  return {.url = std::move(url), .region = region};
}

bool uses_fips(const Environment& environment) {
  return environment.get_or("AWS_USE_FIPS_ENDPOINT", "") == "true";
}

}  // namespace keyhold::cloud::aws
