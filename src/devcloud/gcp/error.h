// How Google refuses: google.rpc.Status, as its REST answers have it (AIP-193).
#pragma once

#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

namespace keyhold::devcloud::gcp {

struct GcpError {
  int code = 400;
  std::string status = "INVALID_ARGUMENT";
  std::string message;
  std::string details = {};  // a JSON array; empty: none
};

template <typename T>
using Answer = tl::expected<T, GcpError>;

inline tl::unexpected<GcpError> refuse(int code, std::string status, std::string message) {
  return tl::unexpected(GcpError{code, std::move(status), std::move(message)});
}
tl::unexpected<GcpError> refuse(int code, std::string status, std::string message,
                                const nlohmann::json& details);
// With an ErrorInfo of this reason.
tl::unexpected<GcpError> refuse_for(int code, std::string status, std::string message,
                                    const std::string& reason);
inline tl::unexpected<GcpError> invalid(std::string message) {
  return refuse(400, "INVALID_ARGUMENT", std::move(message));
}

}  // namespace keyhold::devcloud::gcp
