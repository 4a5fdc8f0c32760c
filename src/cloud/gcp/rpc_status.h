// The error of a Google API: google.rpc.Status as JSON, with what ErrorInfo and PreconditionFailure
// say (AIP-193, google/rpc/error_details.proto). Sans-I/O; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyhold::cloud::gcp {

struct RpcStatus {
  std::string status;   // PERMISSION_DENIED, …
  std::string message;  // at most 400 bytes, printable
  std::string reason;   // ErrorInfo's: IAM_PERMISSION_DENIED, SECURITY_POLICY_VIOLATED, …
  std::vector<std::string> violations;  // PreconditionFailure's types: KEY_DISABLED, …; at most 16
};

// {"error": {"code": …, "message": …, "status": …, "details": […]}}; nothing where the body is not
// that, so that nothing else (a proxy's page) is ever evidence. `code` has to be the HTTP status.
std::optional<RpcStatus> parse_rpc_status(int http_status, std::string_view body);

// At most 400 bytes, UTF-8, control characters as spaces: what a message of ours may hold of
// theirs.
std::string printable(std::string_view text);

}  // namespace keyhold::cloud::gcp
