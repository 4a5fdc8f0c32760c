// Why Google gave no access token, by what the caller may conclude from it.
#pragma once

#include <cstdint>
#include <string>

#include <tl/expected.hpp>

namespace keyhold::cloud::gcp {

enum class Refusal : std::uint8_t {
  denied,     // the principal is absent or disabled, or may not be impersonated
  ambiguous,  // a perimeter, billing: refusal and outage have it in common
  throttled,
  unavailable,    // no useful answer; a skewed clock
  configuration,  // our own credentials are not valid
};

struct LoginError {
  Refusal refusal;
  std::string message;  // never holds a credential
};

template <typename T>
using LoginResult = tl::expected<T, LoginError>;

inline tl::unexpected<LoginError> refuse(Refusal refusal, std::string message) {
  return tl::unexpected(LoginError{.refusal = refusal, .message = std::move(message)});
}

}  // namespace keyhold::cloud::gcp
