// What a KMS can answer instead of a key, by what the caller may conclude from it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "base/error.h"

namespace keyhold::kms {

enum class Fault : std::uint8_t {
  // Denials: the KMS answered, and its answer is evidence of revocation.
  denied = 1,     // no permission: principal, role, policy, consent
  disabled = 2,   // the key is disabled or pending deletion
  not_found = 3,  // key or version destroyed, or never there
  // Outages: no useful answer.
  throttled = 4,
  unavailable = 5,  // 5xx, timeout, DNS, TLS, a skewed clock, anything unparsed
  // Neither: a retry will not help, and it says nothing of the customer's will.
  malformed = 6,      // wrong ciphertext, wrong context, wrong key
  configuration = 7,  // the key spec or our credentials are not valid
  // An answer that an outage and a refusal have in common (an external key store that says no more,
  // a perimeter): the customer's policy says what a lease makes of it; elsewhere it is an outage.
  ambiguous = 8,
};

std::string_view fault_name(Fault fault);
constexpr bool is_denial(Fault fault) {
  return fault == Fault::denied || fault == Fault::disabled || fault == Fault::not_found;
}
constexpr bool is_outage(Fault fault) {
  return fault == Fault::throttled || fault == Fault::unavailable || fault == Fault::ambiguous;
}

class Error {
 public:
  Error(Fault fault, std::string message, std::string request_id = {})
      : fault_(fault), message_(std::move(message)), request_id_(std::move(request_id)) {}

  [[nodiscard]] Fault fault() const { return fault_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] const std::string& request_id() const { return request_id_; }

  // denial → Code::denied, outage → unavailable, malformed → wrong_key, configuration →
  // invalid_argument.
  [[nodiscard]] keyhold::Error to_error() const;

 private:
  Fault fault_;
  std::string message_;
  std::string request_id_;
};

template <typename T>
using Result = tl::expected<T, Error>;

}  // namespace keyhold::kms
