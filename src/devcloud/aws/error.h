// What AWS answers when it refuses, before it is put into a protocol's form.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace keyhold::devcloud::aws {

// `code` is the name of the exception without "Exception"'s JSON prefix: "DisabledException" in
// KMS, "AccessDenied" in STS.
struct AwsError {
  std::string code;
  std::string message;
  int status = 400;
};

template <typename T>
using Answer = tl::expected<T, AwsError>;

inline tl::unexpected<AwsError> refuse(std::string code, std::string message, int status = 400) {
  return tl::unexpected<AwsError>(AwsError{std::move(code), std::move(message), status});
}

// A broken disk, most likely: the cloud's own fault.
inline tl::unexpected<AwsError> broken(const std::string& message) {
  return refuse("KMSInternalException", message, 500);
}

}  // namespace keyhold::devcloud::aws
