#include "devcloud/gcp/gcp.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/timestamp.h"
#include "devcloud/gcp/impersonation.h"
#include "devcloud/gcp/metadata.h"
#include "devcloud/text.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr const char* kDocument = "state/gcp.json";
constexpr const char* kKmsScope = "https://www.googleapis.com/auth/cloudkms";
constexpr const char* kIamScope = "https://www.googleapis.com/auth/iam";
constexpr std::string_view kGenerate = ":generateAccessToken";

json first_state() {
  return {{"version", 1},
          {"accounts", json::object()},
          {"users", json::object()},
          {"providers", json::object()},
          {"policies", json::object()},
          {"rings", json::object()},
          {"keys", json::object()}};
}

net::HttpAnswer answer_of(const Answer<json>& answer) {
  net::HttpAnswer out;
  out.headers = {{"Content-Type", "application/json; charset=UTF-8"}};
  json body = json::object();
  if (answer) {
    body = *answer;
  } else {
    const GcpError& error = answer.error();
    out.status = error.code;
    body["error"] = {{"code", error.code}, {"message", error.message}, {"status", error.status}};
    if (!error.details.empty()) body["error"]["details"] = json::parse(error.details);
  }
  out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return out;
}

std::string or_else(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

std::optional<GcpError> refusal_of(const Fault& fault, const std::string& resource) {
  switch (fault.kind) {
    case Fault::Kind::deny:
      return refuse(403, "PERMISSION_DENIED",
                    or_else(fault.message, "Permission denied by the fault panel."))
          .value();
    case Fault::Kind::disable:
      return refuse(400, "FAILED_PRECONDITION",
                    resource + " is not enabled, current state is: DISABLED.",
                    json::array({{{"@type", "type.googleapis.com/google.rpc.PreconditionFailure"},
                                  {"violations", json::array({{{"type", "KEY_DISABLED"}}})}}}))
          .value();
    case Fault::Kind::throttle:
      return refuse(429, "RESOURCE_EXHAUSTED", "Quota exceeded.").value();
    case Fault::Kind::error:
      return refuse(fault.status == 0 ? 500 : fault.status, or_else(fault.code, "INTERNAL"),
                    or_else(fault.message, "Internal error encountered."))
          .value();
    default:
      return std::nullopt;
  }
}

std::optional<OauthError> oauth_refusal_of(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::deny:
      return OauthError{403, "access_denied", or_else(fault.message, "Account restricted.")};
    case Fault::Kind::disable:
      return OauthError{400, "invalid_grant", "Invalid grant: account is disabled"};
    case Fault::Kind::throttle:
      return OauthError{429, "rate_limit_exceeded", "Quota exceeded."};
    case Fault::Kind::error:
      return OauthError{fault.status == 0 ? 500 : fault.status,
                        or_else(fault.code, "internal_failure"), fault.message};
    default:
      return std::nullopt;
  }
}

// A null is a member that is not there (proto3's JSON mapping).
json body_of(const net::HttpCall& call) {
  json body = call.body.empty() ? json::object() : json::parse(call.body, nullptr, false);
  if (!body.is_object()) return body;
  for (auto member = body.begin(); member != body.end();) {
    member = member->is_null() ? body.erase(member) : std::next(member);
  }
  return body;
}

std::string header_of(const net::HttpCall& call, std::string_view name) {
  const std::string* const found = call.header(name);
  return found == nullptr ? std::string() : *found;
}

}  // namespace

tl::unexpected<GcpError> refuse(int code, std::string status, std::string message,
                                const nlohmann::json& details) {
  return tl::unexpected(GcpError{code, std::move(status), std::move(message), details.dump()});
}

tl::unexpected<GcpError> refuse_for(int code, std::string status, std::string message,
                                    const std::string& reason) {
  return refuse(code, std::move(status), std::move(message),
                json::array({{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                              {"reason", reason},
                              {"domain", "googleapis.com"}}}));
}

// One line of the access log, filled in on the way.
struct Gcp::Record {
  Record(std::string from, const net::HttpCall& call)
      : service(std::move(from)),
        peer(call.peer),
        agent(header_of(call, "user-agent")),
        reason(header_of(call, "x-goog-request-reason")) {}

  std::string service;  // "cloudkms"
  std::string method;
  std::string resource;
  std::string principal;
  std::string peer;
  std::string agent;
  std::string reason;
  json delegates;
  std::string error;
  std::string message;
};

Result<std::unique_ptr<Service>> Gcp::open(const Shared& shared) {
  State state = first_state();
  KEYHOLD_TRY_ASSIGN(const auto text, shared.folder.load(kDocument));
  if (text) {
    state = json::parse(*text, nullptr, false);
    if (!state.is_object() || state.value("version", 0) != 1) {
      return fail(Code::integrity, "the GCP state is damaged");
    }
    const json members = first_state();
    for (const auto& [name, value] : members.items()) {
      if (!state.contains(name)) state[name] = value;
    }
  }
  return std::unique_ptr<Service>(new Gcp(shared, std::move(state)));
}

Gcp::Gcp(const Shared& shared, State state)
    : shared_(shared),
      versions_(
          std::move(state), shared.machine().clock,
          [&folder = shared.folder](const State& next) {
            return folder.save(kDocument, next.dump(1));
          },
          [&faults = shared.faults] { return faults.propagation_delay(); }),
      identity_(shared),
      oauth_(identity_, shared),
      kms_(versions_, shared),
      administration_(versions_, identity_, oauth_, kms_, shared) {}

bool Gcp::takes(const net::HttpCall& call) const {
  if (!call.tls) {
    return call.path.starts_with("/computeMetadata/") ||
           (call.path == "/" && call.header("metadata-flavor") != nullptr);
  }
  return call.path == "/token" || call.path == "/v1/token" ||
         call.path.starts_with("/v1/projects/");
}

bool Gcp::keep(const Record& record) const {
  json line = {{"eventTime", format_timestamp(shared_.machine().clock.wall_now())},
               {"eventSource", record.service + ".googleapis.com"},
               {"eventName", record.method},
               {"userIdentity", {{"principalEmail", record.principal}}},
               {"resourceName", record.resource},
               {"sourceIPAddress", record.peer},
               {"userAgent", record.agent}};
  if (!record.reason.empty()) line["requestReason"] = record.reason;
  if (!record.delegates.is_null()) line["delegates"] = record.delegates;
  if (!record.error.empty()) {
    line["errorCode"] = record.error;
    line["errorMessage"] = record.message;
  }
  const Status kept = shared_.log.append(line.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!kept) log::error("the access log: " + kept.error().message());
  return kept.has_value();
}

net::HttpAnswer Gcp::answer(const net::HttpCall& call) {
  kms_.end_due_versions();
  if (!call.tls) return answer_metadata(call);
  if (call.path == "/token") return answer_oauth(call, false);
  if (call.path == "/v1/token") return answer_oauth(call, true);
  return answer_api(call);
}

net::HttpAnswer Gcp::answer_oauth(const net::HttpCall& call, bool exchange) {
  Record record(exchange ? "sts" : "oauth2", call);
  record.method = "Token";
  const auto form = form_values(call.body);
  const auto state = versions_.visible();
  auto outcome =
      Oauth::Outcome(tl::unexpected(OauthError{405, "invalid_request", "Only POST is supported."}));
  if (call.method == "POST") {
    outcome = exchange ? oauth_.exchange(form, *state, record.principal)
                       : oauth_.token(form, *state, record.principal);
  }
  record.resource = record.principal;
  // Met whoever asks, and with what: a token endpoint that is down knows nobody.
  const auto fault =
      shared_.faults.meet(exchange ? "gcp-sts" : "oauth2", record.method, record.resource);
  if (fault) {
    if (auto refusal = oauth_refusal_of(*fault)) outcome = tl::unexpected(*refusal);
  }
  if (!outcome) {
    record.error = outcome.error().error;
    record.message = outcome.error().description;
  }
  if (!keep(record)) {
    outcome = tl::unexpected(OauthError{500, "internal_failure", "the log cannot be written"});
  }
  net::HttpAnswer answer = oauth_answer(outcome);
  if (fault) apply_to(*fault, answer);
  return answer;
}

Answer<json> Gcp::run_api(const net::HttpCall& call, Record& record, std::optional<Fault>& fault) {
  const std::string path = uri_decode(std::string_view(call.path).substr(4));
  const bool login = path.ends_with(kGenerate) && call.method == "POST";
  if (login) record.service = "iamcredentials";
  record.method = login ? "GenerateAccessToken" : Kms::method_of(call.method, path);
  record.resource = path.substr(0, path.rfind(':'));
  fault = shared_.faults.meet(record.service, record.method, record.resource);
  if (fault) {
    if (auto refusal = refusal_of(*fault, record.resource)) return tl::unexpected(*refusal);
  }
  const auto state = versions_.visible();
  KEYHOLD_TRY_ASSIGN(const Caller caller, identity_.authenticate(call, *state));
  record.principal = caller.name();
  if (!caller.has_scope(kCloudPlatform) && !caller.has_scope(login ? kIamScope : kKmsScope)) {
    return refuse_for(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.",
                      "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
  }
  const json body = body_of(call);
  if (login) {
    if (body.is_object() && body.contains("delegates")) record.delegates = body["delegates"];
    return generate_access_token(identity_, *state, caller, record.resource, body);
  }
  const KmsCall kms_call{.http = call.method,
                         .path = path,
                         .query = form_values(call.query),
                         .body = body,
                         .member = caller.member,
                         .wrong_key = fault && fault->kind == Fault::Kind::wrong_key};
  return kms_.handle(kms_call, *state);
}

net::HttpAnswer Gcp::answer_api(const net::HttpCall& call) {
  Record record("cloudkms", call);
  std::optional<Fault> fault;
  Answer<json> outcome = json();
  try {
    outcome = run_api(call, record, fault);
  } catch (const json::exception&) {  // a member of a type that nobody expected
    outcome = invalid("Invalid JSON payload received.");
  }
  if (!outcome) {
    record.error = outcome.error().status;
    record.message = outcome.error().message;
  }
  if (!keep(record)) outcome = refuse(500, "INTERNAL", "Internal error encountered.");
  net::HttpAnswer answer = answer_of(outcome);
  if (fault) apply_to(*fault, answer);
  return answer;
}

net::HttpAnswer Gcp::answer_metadata(const net::HttpCall& call) {
  Record record("metadata", call);
  record.method = call.method;
  record.resource = call.path;
  const auto fault = shared_.faults.meet("gcp-metadata", call.method, call.path);
  net::HttpAnswer answer = metadata_answer(identity_, *versions_.visible(), call);
  if (fault) {
    if (const auto refusal = refusal_of(*fault, call.path)) {
      answer.status = refusal->code;
      answer.body.clear();
    }
    apply_to(*fault, answer);
  }
  if (answer.status >= 400) record.error = std::to_string(answer.status);
  if (!keep(record)) answer.status = 500;
  return answer;
}

Result<std::string> Gcp::administer(std::string_view command, std::string_view arguments) {
  kms_.end_due_versions();
  return administration_.run(command, arguments);
}

void Gcp::listens(const Endpoints& endpoints) {
  oauth_.set_endpoint(endpoints.https + "/token");
  administration_.set_endpoints(endpoints);
}

std::map<std::string, std::string> Gcp::exports(const Endpoints& endpoints) const {
  const std::string host = endpoints.metadata.substr(endpoints.metadata.find("//") + 2);
  return {{"CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", endpoints.https + "/"},
          {"GCE_METADATA_HOST", host}};
}

}  // namespace keyhold::devcloud::gcp
