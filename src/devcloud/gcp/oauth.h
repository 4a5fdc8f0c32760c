// OAuth's token endpoint (RFC 6749, RFC 7523): JWT bearer and refresh tokens; the Security Token
// Service's exchange of external tokens (RFC 8693). Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/gcp/identity.h"
#include "net/http_server.h"

namespace keyhold::devcloud::gcp {

// RFC 6749's error: "invalid_grant" and a sentence.
struct OauthError {
  int status = 400;
  std::string error;
  std::string description;
};

class Oauth {
 public:
  using Form = std::map<std::string, std::string>;
  using Outcome = tl::expected<nlohmann::json, OauthError>;

  Oauth(const Identity& identity, const Shared& shared) : identity_(&identity), shared_(shared) {}

  // The endpoint's own address, an audience that assertions may name beside Google's. Once known.
  void set_endpoint(const std::string& url);

  // POST /token. `who`: whom the request names, as far as known.
  Outcome token(const Form& form, const State& state, std::string& who) const;
  // POST /v1/token.
  Outcome exchange(const Form& form, const State& state, std::string& who) const;

  // What a user's application has after the consent: client_id, client_secret, refresh_token.
  [[nodiscard]] Result<nlohmann::json> consent(const std::string& email) const;
  // A token of an identity provider of this cloud's own, a JWT signed with HS256.
  [[nodiscard]] std::string subject_token(const std::string& issuer, const std::string& subject,
                                          const std::string& audience,
                                          std::int64_t expires_seconds) const;

 private:
  Outcome by_assertion(const Form& form, const State& state, std::string& who) const;
  Outcome by_refresh_token(const Form& form, const State& state, std::string& who) const;
  [[nodiscard]] Outcome given(const Caller& caller) const;
  [[nodiscard]] tl::expected<std::string, OauthError> subject_of(const std::string& jwt,
                                                                 const std::string& issuer,
                                                                 const std::string& provider) const;
  [[nodiscard]] std::string client_secret() const;

  const Identity* identity_;
  Shared shared_;
  mutable std::mutex mutex_;
  std::string endpoint_;
};

net::HttpAnswer oauth_answer(const Oauth::Outcome& outcome);

}  // namespace keyhold::devcloud::gcp
