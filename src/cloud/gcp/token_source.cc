#include "cloud/gcp/token_source.h"

#include <algorithm>

#include "cloud/gcp/requests.h"
#include "cloud/secret_header.h"

namespace keyhold::cloud::gcp {
namespace {

constexpr std::size_t kMostPrincipals = 8;
constexpr std::size_t kMaxPrincipalBytes = 200;
constexpr std::chrono::seconds kFederatedLifetime{3600};

// A fifth before its end a token is not used any more.
BootTime use_until(BootTime asked, std::chrono::seconds lifetime) {
  return asked + std::chrono::nanoseconds(lifetime) / 5 * 4;
}

bool is_principal(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPrincipalBytes &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                  c == '@' || c == ':';
         });
}

// Where the customer named an account, their word is that account's: what our own login meets on
// the way there says nothing of them.
LoginError no_word_of_the_customers(LoginError error) {
  if (error.refusal != Refusal::denied) return error;
  return {.refusal = Refusal::configuration,
          .message = "the cluster's own login: " + error.message};
}

}  // namespace

Result<std::vector<std::string>> parse_principals(std::string_view text) {
  std::vector<std::string> accounts;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    const std::string_view account = text.substr(0, comma);
    if (!is_principal(account) || accounts.size() == kMostPrincipals) {
      return fail(Code::invalid_argument,
                  "not a chain of at most 8 Google service accounts: one looks like "
                  "keyhold@customer.iam.gserviceaccount.com, with delegates before it and commas "
                  "between them");
    }
    accounts.emplace_back(account);
    if (more) text.remove_prefix(comma + 1);
  }
  return accounts;
}

TokenSource::TokenSource(std::shared_ptr<net::HttpClient> http, const Environment& environment,
                         const Clock& clock)
    : http_(std::move(http)), environment_(&environment), clock_(&clock) {}

LoginResult<TokenSource::Own> TokenSource::own() const {
  const auto credential = find_credential(*environment_);
  if (!credential) return refuse(Refusal::configuration, credential.error().message());
  Own own{.name = name_of(*credential), .email = {}};
  const auto* account = std::get_if<ServiceAccount>(&*credential);
  if (account != nullptr && is_principal(account->email)) own.email = account->email;
  return own;
}

LoginResult<net::HttpResponse> TokenSource::send(net::HttpRequest request, Deadline deadline) {
  auto response = http_->send(request, deadline);
  wipe_headers(request);
  if (response) return *std::move(response);
  const bool ours = response.error().code() == Code::invalid_argument;
  return refuse(ours ? Refusal::configuration : Refusal::unavailable,
                "Google login: " + response.error().message());
}

LoginResult<AccessToken> TokenSource::exchange(const ExternalAccount& account,
                                               std::string_view scope, Deadline deadline) {
  WipedString content;
  if (account.file.empty()) {
    KEYHOLD_TRY_ASSIGN(net::HttpResponse response, send(subject_request(account), deadline));
    if (response.status != 200) {
      return refuse(Refusal::unavailable,
                    "the subject token's URL answers HTTP " + std::to_string(response.status));
    }
    content = std::move(response.body);
  } else {
    auto read = environment_->read_file(account.file);
    if (!read) return refuse(Refusal::configuration, read.error().message());
    content = *std::move(read);
  }
  KEYHOLD_TRY_ASSIGN(const WipedString subject,
                     parse_subject_token(std::move(content), account.json_field));
  const bool impersonates = !account.impersonation_url.empty();
  KEYHOLD_TRY_ASSIGN(
      net::HttpResponse response,
      send(exchange_request(account, subject, impersonates ? kCloudPlatformScope : scope),
           deadline));
  KEYHOLD_TRY_ASSIGN(AccessToken federated,
                     parse_oauth(response, "external account " + account.audience));
  if (!impersonates) return federated;
  KEYHOLD_TRY_ASSIGN(
      response, send(impersonation_request(account.impersonation_url, federated.value, {}, scope,
                                           kFederatedLifetime),
                     deadline));
  return parse_impersonation(response, kFederatedLifetime);
}

LoginResult<AccessToken> TokenSource::token_of(const Credential& credential, std::string_view scope,
                                               Deadline deadline) {
  const std::string name = name_of(credential);
  if (const auto* account = std::get_if<ExternalAccount>(&credential)) {
    return exchange(*account, scope, deadline);
  }
  if (const auto* impersonated =
          std::get_if<std::shared_ptr<const ImpersonatedAccount>>(&credential)) {
    KEYHOLD_TRY_ASSIGN(const AccessToken source,
                       token_of((*impersonated)->source, kCloudPlatformScope, deadline));
    KEYHOLD_TRY_ASSIGN(
        net::HttpResponse response,
        send(impersonation_request((*impersonated)->impersonation_url, source.value,
                                   (*impersonated)->delegates, scope, kFederatedLifetime),
             deadline));
    return parse_impersonation(response, kFederatedLifetime);
  }
  if (const auto* server = std::get_if<MetadataServer>(&credential)) {
    KEYHOLD_TRY_ASSIGN(net::HttpResponse response,
                       send(metadata_request(*server, scope), deadline));
    return parse_metadata(response, name);
  }
  if (const auto* user = std::get_if<AuthorizedUser>(&credential)) {
    KEYHOLD_TRY_ASSIGN(net::HttpResponse response, send(refresh_request(*user), deadline));
    return parse_oauth(response, name);
  }
  const auto& account = std::get<ServiceAccount>(credential);
  const auto assertion = signed_assertion(account, scope, clock_->wall_now());
  if (!assertion) return refuse(Refusal::configuration, name + ": " + assertion.error().message());
  KEYHOLD_TRY_ASSIGN(net::HttpResponse response,
                     send(assertion_request(account, *assertion), deadline));
  return parse_oauth(response, name);
}

LoginResult<AccessToken> TokenSource::log_in(std::string_view scope, Deadline deadline) {
  const auto credential = find_credential(*environment_);
  if (!credential) return refuse(Refusal::configuration, credential.error().message());
  return token_of(*credential, scope, deadline);
}

LoginResult<WipedString> TokenSource::own_token(Deadline deadline, bool* kept) {
  const BootTime now = clock_->boot_now();
  {
    const std::lock_guard lock(mutex_);
    *kept = now < own_use_until_;
    if (*kept) return own_;
  }
  KEYHOLD_TRY_ASSIGN(const AccessToken token, log_in(kCloudPlatformScope, deadline));
  const std::lock_guard lock(mutex_);
  own_ = token.value;
  own_use_until_ = use_until(now, token.lifetime);
  return token.value;
}

LoginResult<AccessToken> TokenSource::impersonate(const std::vector<std::string>& chain,
                                                  std::string_view scope,
                                                  std::chrono::seconds lifetime,
                                                  Deadline deadline) {
  const std::vector<std::string> delegates(chain.begin(), chain.end() - 1);
  const std::string endpoint =
      environment_->get_or("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "");
  for (;;) {
    bool kept = false;
    auto own = own_token(deadline, &kept);
    if (!own) return tl::unexpected(no_word_of_the_customers(std::move(own).error()));
    KEYHOLD_TRY_ASSIGN(net::HttpResponse response,
                       send(impersonation_request(impersonation_url(endpoint, chain.back()), *own,
                                                  delegates, scope, lifetime),
                            deadline));
    // A kept token may have been taken away meanwhile: once more with a new one.
    if (response.status != 401 || !kept) return parse_impersonation(response, lifetime);
    const std::lock_guard lock(mutex_);
    own_use_until_ = {};
  }
}

}  // namespace keyhold::cloud::gcp
