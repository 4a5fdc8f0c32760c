#include "cloud/gcp/rpc_status.h"

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"

namespace keyhold::cloud::gcp {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxMessageBytes = 400;
constexpr std::size_t kMaxViolations = 16;
constexpr std::string_view kErrorInfo = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr std::string_view kPrecondition = "type.googleapis.com/google.rpc.PreconditionFailure";

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void take_violations(const Json& detail, std::vector<std::string>& to) {
  const auto violations = detail.find("violations");
  if (violations == detail.end() || !violations->is_array()) return;
  for (const Json& violation : *violations) {
    if (!violation.is_object() || to.size() == kMaxViolations) continue;
    to.push_back(text_of(violation, "type"));
  }
}

void take_details(const Json& error, RpcStatus& to) {
  const auto details = error.find("details");
  if (details == error.end() || !details->is_array()) return;
  for (const Json& detail : *details) {
    if (!detail.is_object()) continue;
    const std::string type = text_of(detail, "@type");
    if (type == kErrorInfo && to.reason.empty()) to.reason = printable(text_of(detail, "reason"));
    if (type == kPrecondition) take_violations(detail, to.violations);
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out = make_utf8(text.substr(0, kMaxMessageBytes));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return out;
}

std::optional<RpcStatus> parse_rpc_status(int http_status, std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto error = json.find("error");
  if (error == json.end() || !error->is_object()) return std::nullopt;
  const auto code = error->find("code");
  if (code == error->end() || !code->is_number_integer() || *code != http_status) {
    return std::nullopt;
  }
  RpcStatus status{.status = printable(text_of(*error, "status")),
                   .message = printable(text_of(*error, "message")),
                   .reason = {},
                   .violations = {}};
  if (status.status.empty()) return std::nullopt;
  take_details(*error, status);
  return status;
}

}  // namespace keyhold::cloud::gcp
