#include "kms/gcp/messages/faults.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "cloud/gcp/rpc_status.h"

namespace keyhold::kms::gcp {
namespace {

using cloud::gcp::RpcStatus;

// States of a version, as describe, violations (KEY_…) and messages ("current state is: …") name
// them.
struct StateRow {
  std::string_view state;
  Fault fault;
};
constexpr std::array kStates = {
    StateRow{"DISABLED", Fault::disabled},
    StateRow{"DESTROY_SCHEDULED", Fault::disabled},
    StateRow{"PENDING_EXTERNAL_DESTRUCTION", Fault::disabled},
    StateRow{"DESTROYED", Fault::not_found},
    StateRow{"EXTERNAL_DESTRUCTION_FAILED", Fault::not_found},
    StateRow{"PENDING_GENERATION", Fault::unavailable},
    StateRow{"GENERATION_FAILED", Fault::configuration},
    StateRow{"PENDING_IMPORT", Fault::configuration},
    StateRow{"IMPORT_FAILED", Fault::configuration},
};

// A google.rpc.Status by status, ErrorInfo's reason and a piece of the message; empty fits all. The
// first row that fits rules. What is not here is an outage.
struct Row {
  std::string_view status;
  std::string_view reason;
  std::string_view piece;
  Fault fault;
};
constexpr std::array kRows = {
    Row{"", "SECURITY_POLICY_VIOLATED", "", Fault::ambiguous},  // VPC Service Controls
    Row{"", "ORG_RESTRICTION_VIOLATION", "", Fault::ambiguous},
    Row{"", "LOCATION_POLICY_VIOLATED", "", Fault::ambiguous},
    Row{"", "BILLING_DISABLED", "", Fault::ambiguous},
    Row{"", "CONSUMER_SUSPENDED", "", Fault::ambiguous},
    Row{"", "SERVICE_DISABLED", "", Fault::denied},
    Row{"", "ACCOUNT_STATE_INVALID", "", Fault::denied},  // the account is disabled or deleted
    Row{"", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "", Fault::configuration},
    Row{"PERMISSION_DENIED", "", "", Fault::denied},
    Row{"NOT_FOUND", "", "", Fault::not_found},
    Row{"RESOURCE_EXHAUSTED", "", "", Fault::throttled},
    Row{"UNAUTHENTICATED", "", "", Fault::unavailable},
};

constexpr std::array<std::string_view, 3> kChecksumWords = {"crc32c", "checksum", "CRC32C"};

Fault fault_of_precondition(const RpcStatus& status) {
  for (const std::string& violation : status.violations) {
    if (!violation.starts_with("KEY_")) continue;
    const Fault fault = fault_of_state(violation.substr(4), Fault::ambiguous);
    if (fault != Fault::ambiguous) return fault;
  }
  if (!status.violations.empty()) return Fault::ambiguous;
  constexpr std::string_view kState = "current state is: ";
  const std::size_t at = status.message.find(kState);
  if (at == std::string::npos) return Fault::ambiguous;  // an external key manager, a perimeter
  std::string state = status.message.substr(at + kState.size());
  state.erase(std::min(state.size(), state.find_first_of(". ,")));
  return fault_of_state(state, Fault::ambiguous);
}

Fault fault_of_argument(Step step, const RpcStatus& status) {
  const bool checksum = std::ranges::any_of(kChecksumWords, [&](std::string_view word) {
    return status.message.find(word) != std::string::npos;
  });
  if (checksum) return Fault::unavailable;  // changed on the way
  if (status.message.find("concerns location") != std::string::npos) return Fault::configuration;
  return step == Step::decrypt ? Fault::malformed : Fault::configuration;
}

Fault fault_of_status(Step step, const RpcStatus& status) {
  const auto row = std::ranges::find_if(kRows, [&](const Row& candidate) {
    return (candidate.status.empty() || candidate.status == status.status) &&
           (candidate.reason.empty() || candidate.reason == status.reason) &&
           status.message.find(candidate.piece) != std::string::npos;
  });
  if (row != kRows.end()) return row->fault;
  if (status.status == "FAILED_PRECONDITION") return fault_of_precondition(status);
  if (status.status == "INVALID_ARGUMENT") return fault_of_argument(step, status);
  return Fault::unavailable;  // INTERNAL, UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED, CANCELLED, …
}

}  // namespace

Fault fault_of_state(const std::string& state, Fault otherwise) {
  const auto row = std::ranges::find_if(
      kStates, [&](const StateRow& candidate) { return candidate.state == state; });
  return row == kStates.end() ? otherwise : row->fault;
}

Judgement fault_of(Step step, const net::HttpResponse& response, const std::string& request_id) {
  const std::string name = "Google Cloud KMS: ";
  const auto status = cloud::gcp::parse_rpc_status(response.status, response.body);
  if (!status) {
    const Fault fault = response.status == 429 ? Fault::throttled : Fault::unavailable;
    return {.error = Error(fault, name + "no answer of Google's (HTTP " +
                                      std::to_string(response.status) + ")")};
  }
  std::string message = name + status->status + ": " + status->message;
  if (!status->reason.empty()) message += " (" + status->reason + ")";
  return {.error = Error(fault_of_status(step, *status), std::move(message), request_id),
          .stale_token = status->status == "UNAUTHENTICATED"};
}

Error fault_of(const cloud::gcp::LoginError& error) {
  using cloud::gcp::Refusal;
  switch (error.refusal) {
    case Refusal::denied:
      return {Fault::denied, error.message};
    case Refusal::ambiguous:
      return {Fault::ambiguous, error.message};
    case Refusal::throttled:
      return {Fault::throttled, error.message};
    case Refusal::configuration:
      return {Fault::configuration, error.message};
    default:
      return {Fault::unavailable, error.message};
  }
}

}  // namespace keyhold::kms::gcp
