#include "kms/vault/session.h"

#include "cloud/secret_header.h"
#include "kms/vault/messages/requests.h"

namespace keyhold::kms::vault {

Session::Session(KeyLocation key, Login login, std::shared_ptr<net::HttpClient> http,
                 const cloud::Environment& environment, const Clock& clock)
    : key_(std::move(key)),
      login_(std::move(login)),
      http_(std::move(http)),
      environment_(&environment),
      clock_(&clock) {}

Result<net::HttpResponse> Session::send(net::HttpRequest request, Deadline deadline) {
  auto response = http_->send(request, deadline);
  cloud::wipe_headers(request);
  if (response) return *std::move(response);
  const Fault fault =
      response.error().code() == Code::invalid_argument ? Fault::configuration : Fault::unavailable;
  return tl::unexpected(Error(fault, "Vault: " + response.error().message()));
}

Result<WipedString> Session::ask(Step step, net::HttpRequest request, Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(net::HttpResponse response, send(std::move(request), deadline));
  if (response.status == 200) return std::move(response.body);
  return tl::unexpected(fault_of(step, response));
}

Result<Token> Session::log_in(Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(WipedString credential, read_credential(login_, *environment_));
  if (!logs_in()) {
    return Token{.value = std::move(credential), .lifetime = {}, .revocable = false};
  }
  KEYHOLD_TRY_ASSIGN(WipedString body,
                     ask(Step::login, login_request(key_, login_, credential), deadline));
  auto token = parse_login(body);
  if (token) return *std::move(token);
  return tl::unexpected(Error(Fault::unavailable, token.error().message()));
}

Result<WipedString> Session::token(Deadline deadline, bool* kept) {
  {
    const std::lock_guard lock(mutex_);
    *kept = kept_ && (!kept_->use_until || clock_->boot_now() < *kept_->use_until);
    if (*kept) return kept_->value;
  }
  const BootTime asked = clock_->boot_now();
  KEYHOLD_TRY_ASSIGN(Token token, log_in(deadline));
  if (!logs_in()) return std::move(token.value);  // its file is read anew each time
  const std::lock_guard lock(mutex_);
  kept_ = Kept{.value = token.value, .use_until = {}};
  // A fifth before its end there is a new one.
  if (token.lifetime.count() > 0) {
    kept_->use_until = asked + std::chrono::nanoseconds(token.lifetime) / 5 * 4;
  }
  return std::move(token.value);
}

void Session::forget() {
  const std::lock_guard lock(mutex_);
  kept_.reset();
}

void Session::revoke(const Token& token, Deadline deadline) {
  if (!token.revocable) return;
  static_cast<void>(send(revoke_request(key_, login_, token.value), deadline).has_value());
}

std::string Session::principal_name() const {
  std::string name(method_name(login_.method));
  if (!login_.argument.empty()) name += " " + login_.argument;
  return name;
}

LoginStep Session::walk_login(Deadline deadline) {
  LoginStep step{.name = "login as " + principal_name(), .detail = {}, .refusal = {}};
  const auto token = log_in(deadline);
  if (!token) {
    step.refusal = token.error();
    return step;
  }
  step.detail = token->lifetime.count() == 0
                    ? "a token that does not end by itself"
                    : "a token for " + std::to_string(token->lifetime.count()) + " s";
  if (logs_in()) revoke(*token, deadline);
  return step;
}

}  // namespace keyhold::kms::vault
