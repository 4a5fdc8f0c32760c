#include "kms/aws/session.h"

#include <utility>

#include "cloud/aws/sigv4.h"
#include "cloud/aws/times.h"
#include "cloud/secret_header.h"
#include "kms/aws/grants.h"

namespace keyhold::kms::aws {
namespace {

constexpr std::chrono::minutes kProbeLifetime{15};  // the shortest that STS gives
constexpr std::chrono::hours kKeptLifetime{1};      // what every role allows, a chained one too

template <typename T>
Result<T> translated(cloud::aws::LoginResult<T> result) {
  if (result) return *std::move(result);
  return tl::unexpected(fault_of_login(result.error()));
}

}  // namespace

Session::Session(std::vector<cloud::aws::RoleHop> roles, std::string session_name,
                 std::shared_ptr<net::HttpClient> http, const cloud::Environment& environment,
                 const Clock& clock)
    : roles_(std::move(roles)),
      http_(std::move(http)),
      environment_(&environment),
      clock_(&clock),
      login_(http_, environment, clock, std::move(session_name)) {}

// Where the customer named a role, their word is that role's: what our own login meets on the way
// there says nothing of them.
Result<cloud::aws::Credentials> Session::own(const cloud::aws::StsEndpoint& sts, Credentials with,
                                             Deadline deadline) {
  if (roles_.empty()) {
    return translated(with == Credentials::made_now ? login_.own_anew(sts, deadline)
                                                    : login_.own(sts, deadline));
  }
  auto own = login_.own(sts, deadline);
  if (!own && own.error().refusal == cloud::aws::Refusal::denied) {
    own.error().refusal = cloud::aws::Refusal::configuration;
    own.error().message = "the cluster's own login: " + own.error().message;
  }
  return translated(std::move(own));
}

Result<cloud::aws::Credentials> Session::credentials(const std::string& region, Credentials with,
                                                     bool* are_kept, Deadline deadline) {
  if (with == Credentials::kept && !roles_.empty()) {
    const std::lock_guard lock(mutex_);
    *are_kept = kept_ && clock_->boot_now() < *kept_->use_until;
    if (*are_kept) return kept_->credentials;
  }
  const cloud::aws::StsEndpoint sts = cloud::aws::sts_endpoint(*environment_, region);
  KEYHOLD_TRY_ASSIGN(cloud::aws::Credentials own_ones, own(sts, with, deadline));
  if (roles_.empty()) {
    *are_kept = with == Credentials::kept;
    return own_ones;
  }
  const std::chrono::seconds lifetime =
      with == Credentials::kept ? std::chrono::seconds(kKeptLifetime) : kProbeLifetime;
  KEYHOLD_TRY_ASSIGN(cloud::aws::TimedCredentials assumed,
                     translated(login_.assume(roles_, own_ones, sts, lifetime, deadline)));
  if (with == Credentials::kept) {
    const std::lock_guard lock(mutex_);
    kept_ = assumed;
  }
  return std::move(assumed.credentials);
}

Result<net::HttpResponse> Session::send(net::HttpRequest request, const std::string& region,
                                        const std::string& step,
                                        const cloud::aws::Credentials& credentials,
                                        Deadline deadline) {
  cloud::aws::sign(request, credentials,
                   {.region = region, .service = "kms", .at = clock_->wall_now()});
  auto response = http_->send(request, deadline);
  cloud::wipe_headers(request);
  if (response) return *std::move(response);
  const bool ours = response.error().code() == Code::invalid_argument;
  return tl::unexpected(Error(ours ? Fault::configuration : Fault::unavailable,
                              step + ": " + response.error().message()));
}

Result<Answer> Session::ask(const net::HttpRequest& request, const std::string& region,
                            const std::string& step, Credentials with, Deadline deadline) {
  bool are_kept = false;
  KEYHOLD_TRY_ASSIGN(cloud::aws::Credentials signer,
                     credentials(region, with, &are_kept, deadline));
  KEYHOLD_TRY_ASSIGN(net::HttpResponse response, send(request, region, step, signer, deadline));
  if (are_kept && response.status != 200 && blames_credentials(response)) {
    forget();
    KEYHOLD_TRY_ASSIGN(signer, credentials(region, with, &are_kept, deadline));
    KEYHOLD_TRY_ASSIGN(response, send(request, region, step, signer, deadline));
  }
  if (response.status != 200) {
    return tl::unexpected(fault_of(step, response, clock_->wall_now()));
  }
  return Answer{.body = std::move(response.body),
                .request_id = std::string(cloud::aws::header_of(response, "x-amzn-requestid"))};
}

std::vector<LoginStep> Session::walk_logins(const std::string& region, Deadline deadline) {
  const cloud::aws::StsEndpoint sts = cloud::aws::sts_endpoint(*environment_, region);
  std::vector<LoginStep> steps = {{.name = "credentials", .detail = {}, .refusal = {}}};
  const auto refused = [&](const cloud::aws::LoginError& error) {
    steps.back().refusal = fault_of_login(error);
    return steps;
  };
  const auto own = login_.own_anew(sts, deadline);
  if (!own) return refused(own.error());
  const auto who = login_.identity(*own, sts, deadline);
  if (!who) return refused(who.error());
  {
    const std::lock_guard lock(mutex_);
    identity_ = *who;
  }
  steps.back().detail = *who;
  cloud::aws::Credentials with = *own;
  std::string asking = *who;
  for (const cloud::aws::RoleHop& role : roles_) {
    steps.push_back({.name = "assume " + role.role_arn, .detail = {}, .refusal = {}});
    auto assumed = login_.assume({role}, with, sts, kProbeLifetime, deadline);
    if (!assumed) {
      assumed.error().message += " (asked with external id " + role.external_id + ")";
      steps.back().missing = login_grants(role, asking);
      return refused(assumed.error());
    }
    steps.back().detail = "with external id " + role.external_id;
    with = std::move(assumed->credentials);
    asking = role.role_arn;
  }
  return steps;
}

std::string Session::identity() {
  const std::lock_guard lock(mutex_);
  return identity_;
}

void Session::forget() {
  login_.forget();
  const std::lock_guard lock(mutex_);
  kept_.reset();
}

}  // namespace keyhold::kms::aws
