// Who asks: access tokens given out by this cloud, and service accounts' signed assertions
// (RFC 7523; "Using OAuth 2.0 for Server to Server Applications").
#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "devcloud/gcp/error.h"
#include "devcloud/gcp/names.h"
#include "devcloud/service.h"

namespace keyhold::devcloud::gcp {

inline constexpr const char* kCloudPlatform = "https://www.googleapis.com/auth/cloud-platform";

struct Caller {
  std::string member;  // "serviceAccount:EMAIL", "user:EMAIL", "principal://…"
  std::string scopes;  // with spaces between them

  // The email, or the principal's identifier.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] bool has_scope(std::string_view scope) const;
};

// A JWT of a service account whose signature and times hold.
struct Assertion {
  std::string email;
  std::string subject;  // empty: the account itself
  std::string audience;
  std::string scopes;
};

// Thread-safe.
class Identity {
 public:
  explicit Identity(const Shared& shared) : shared_(shared) {}

  [[nodiscard]] Result<std::string> issue(const Caller& caller,
                                          std::chrono::seconds lifetime) const;
  // By the request's bearer token; UNAUTHENTICATED.
  [[nodiscard]] Answer<Caller> authenticate(const net::HttpCall& call, const State& state) const;
  // The token endpoint's words where it does not hold. `email` is whom it names, as far as known.
  [[nodiscard]] tl::expected<Assertion, std::string> verify(const State& state,
                                                            const std::string& jwt,
                                                            std::string& email) const;

  [[nodiscard]] std::int64_t now_seconds() const;

 private:
  [[nodiscard]] Answer<Caller> from_token(const std::string& text, const State& state) const;
  [[nodiscard]] Answer<Caller> from_assertion(const std::string& jwt, const State& state) const;

  Shared shared_;
};

// A text member, empty where there is none or it is of another type.
std::string text_of(const nlohmann::json& object, const char* name);
// Part of a JWT; null where it is none.
nlohmann::json jwt_part(const std::string& part);

}  // namespace keyhold::devcloud::gcp
