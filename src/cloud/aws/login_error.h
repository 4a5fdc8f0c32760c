// Why AWS gave no credentials, by what the caller may conclude from it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace keyhold::cloud::aws {

enum class Refusal : std::uint8_t {
  denied,     // the role is absent, or does not trust us, or we may not assume it
  ambiguous,  // a refusal on the way (a VPC endpoint's policy): not the role's own word
  throttled,
  unavailable,    // no useful answer; a skewed clock; credentials that have expired
  configuration,  // our own credentials or settings are not valid
};

struct LoginError {
  Refusal refusal;
  std::string message;  // never holds a credential
  std::string request_id;
};

template <typename T>
using LoginResult = tl::expected<T, LoginError>;

inline tl::unexpected<LoginError> refuse(Refusal refusal, std::string message,
                                         std::string request_id = {}) {
  return tl::unexpected(LoginError{
      .refusal = refusal, .message = std::move(message), .request_id = std::move(request_id)});
}

}  // namespace keyhold::cloud::aws
