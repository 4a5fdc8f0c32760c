#include "devcloud/gcp/gcp.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/timestamp.h"
#include "crypto/rsa_verify.h"
#include "devcloud/text.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr const char* kDocument = "state/gcp.json";

const std::map<std::string, std::vector<std::string>>& roles() {
  static const std::map<std::string, std::vector<std::string>> roles = {
      {"roles/cloudkms.admin", {"cloudkms.admin", "cloudkms.cryptoKeys.get"}},
      {"roles/cloudkms.viewer", {"cloudkms.cryptoKeys.get"}},
      {"roles/cloudkms.cryptoKeyEncrypterDecrypter",
       {"cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeyVersions.useToDecrypt"}},
      {"roles/iam.serviceAccountTokenCreator", {"iam.serviceAccounts.getAccessToken"}}};
  return roles;
}

bool binds(const json& policy, const std::string& principal, const std::string& permission) {
  for (const json& binding : policy.at("bindings")) {
    const auto role = roles().find(binding.at("role").get<std::string>());
    if (role == roles().end() || std::ranges::find(role->second, permission) == role->second.end())
      continue;
    for (const json& member : binding.at("members")) {
      if (member == "serviceAccount:" + principal) return true;
    }
  }
  return false;
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

Answer<json> refusal_of(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::deny:
      return refuse(403, "PERMISSION_DENIED", "Permission denied by the fault panel.");
    case Fault::Kind::disable:
      return refuse(400, "FAILED_PRECONDITION", "not enabled, current state is: DISABLED.",
                    json::array({{{"@type", "type.googleapis.com/google.rpc.PreconditionFailure"},
                                  {"violations", json::array({{{"type", "KEY_DISABLED"}}})}}}));
    case Fault::Kind::throttle:
      return refuse(429, "RESOURCE_EXHAUSTED", "Quota exceeded.");
    case Fault::Kind::error:
      return refuse(fault.status == 0 ? 500 : fault.status,
                    fault.code.empty() ? "INTERNAL" : fault.code, "Internal error encountered.");
    default:
      return json();
  }
}

}  // namespace

bool allows(const State& state, const std::string& principal, const std::string& permission,
            const std::string& resource) {
  const json& policies = state.at("policies");
  for (std::string name = resource; !name.empty();) {
    const auto policy = policies.find(name);
    if (policy != policies.end() && binds(*policy, principal, permission)) return true;
    const std::size_t slash = name.rfind('/');
    name.erase(slash == std::string::npos ? 0 : slash);
  }
  return false;
}

Answer<void> check_allowed(const State& state, const std::string& principal,
                           const std::string& permission, const std::string& resource) {
  if (allows(state, principal, permission, resource)) return {};
  return refuse(
      403, "PERMISSION_DENIED",
      "Permission '" + permission + "' denied on resource '" + resource +
          "' (or it may not exist).",
      json::array({{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                    {"reason", "IAM_PERMISSION_DENIED"},
                    {"domain", permission.starts_with("iam.") ? "iam.googleapis.com"
                                                              : "cloudkms.googleapis.com"},
                    {"metadata", {{"permission", permission}, {"resource", resource}}}}}));
}

Result<std::unique_ptr<Service>> Gcp::open(const Shared& shared) {
  State state = {{"version", 1},
                 {"accounts", json::object()},
                 {"policies", json::object()},
                 {"rings", json::object()},
                 {"keys", json::object()}};
  KEYHOLD_TRY_ASSIGN(const auto text, shared.folder.load(kDocument));
  if (text) {
    state = json::parse(*text, nullptr, false);
    if (!state.is_object() || state.value("version", 0) != 1) {
      return fail(Code::integrity, "the GCP state is damaged");
    }
  }
  return std::unique_ptr<Service>(new Gcp(shared, std::move(state)));
}

Gcp::Gcp(const Shared& shared, State state)
    : shared_(shared),
      versions_(std::make_unique<Versions<State>>(
          std::move(state), shared.machine().clock,
          [shared](const State& next) { return shared.folder.save(kDocument, next.dump(1)); },
          [shared] { return shared.faults.propagation_delay(); })) {}

Gcp::~Gcp() = default;

tl::unexpected<GcpError> refuse(int code, std::string status, std::string message,
                                const nlohmann::json& details) {
  return tl::unexpected(GcpError{code, std::move(status), std::move(message), details.dump()});
}

std::int64_t Gcp::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             shared_.machine().clock.wall_now().time_since_epoch())
      .count();
}

bool Gcp::takes(const net::HttpCall& call) const {
  return call.tls && (call.path == "/token" || call.path.starts_with("/v1/projects/"));
}

bool Gcp::keep(const std::string& service, const std::string& method, const std::string& resource,
               const std::string& principal, const GcpError* error) const {
  json line = {{"eventTime", format_timestamp(shared_.machine().clock.wall_now())},
               {"eventSource", service + ".googleapis.com"},
               {"eventName", method},
               {"userIdentity", {{"principalEmail", principal}}},
               {"resourceName", resource}};
  if (error != nullptr) {
    line["errorCode"] = error->status;
    line["errorMessage"] = error->message;
  }
  const Status kept = shared_.log.append(line.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!kept) log::error("the access log: " + kept.error().message());
  return kept.has_value();
}

net::HttpAnswer Gcp::answer(const net::HttpCall& call) {
  end_due_versions();
  if (call.path == "/token") return give_token(call);
  const json body = call.body.empty() ? json::object() : json::parse(call.body, nullptr, false);
  KmsCall kms_call{.method = call.method,
                   .name = call.path.substr(4),
                   .verb = {},
                   .query = {},
                   .body = body,
                   .principal = {}};
  const std::size_t colon = kms_call.name.rfind(':');
  if (colon != std::string::npos) {
    kms_call.verb = kms_call.name.substr(colon + 1);
    kms_call.name.erase(colon);
  }
  const bool login = kms_call.verb == "generateAccessToken";
  const std::string service = login ? "iamcredentials" : "cloudkms";
  const auto fault = shared_.faults.meet(service, kms_call.verb, kms_call.name);
  Answer<json> outcome = json();
  if (fault) outcome = refusal_of(*fault);
  if (outcome && login) {
    outcome = impersonate(call, kms_call.principal);
  } else if (outcome) {
    const auto state = versions_->visible();
    auto principal = principal_of(call, *state);
    kms_call.query = form_values(call.query);
    kms_call.wrong_key = fault && fault->kind == Fault::Kind::wrong_key;
    if (principal) kms_call.principal = *principal;
    if (!principal) {
      outcome = tl::unexpected(principal.error());
    } else if (!body.is_object()) {
      outcome = invalid("Invalid JSON payload received.");
    } else {
      outcome = kms(kms_call, *state);
    }
  }
  if (!keep(service, kms_call.verb.empty() ? call.method : kms_call.verb, kms_call.name,
            kms_call.principal, outcome ? nullptr : &outcome.error())) {
    outcome = refuse(500, "INTERNAL", "Internal error encountered.");
  }
  net::HttpAnswer answer = answer_of(outcome);
  if (fault) apply_to(*fault, answer);
  return answer;
}

std::map<std::string, std::string> Gcp::exports(const Endpoints& endpoints) const {
  return {{"CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", endpoints.https + "/"}};
}

// account      email project → private_key, private_key_id
// set-account  email disabled
// set-policy   resource bindings
// ring         name
// token        email → access_token
Result<std::string> Gcp::administer(std::string_view command, std::string_view arguments) {
  const json given = json::parse(arguments, nullptr, false);
  if (!given.is_object()) return fail(Code::invalid_argument, "the arguments are no JSON object");
  try {
    if (command == "account") {
      KEYHOLD_TRY_ASSIGN(const auto pair, crypto::generate_rsa_pem());
      KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
        json& account = state["accounts"][given.at("email").get<std::string>()];
        if (!account.is_null()) return fail(Code::already_exists, "there is such an account");
        account = {{"project", given.at("project").get<std::string>()},
                   {"disabled", false},
                   {"keys", {{"1", pair.public_key}}}};
        return {};
      }));
      return json{{"private_key_id", "1"}, {"private_key", pair.private_key}}.dump();
    }
    if (command == "set-account") {
      KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
        json& accounts = state["accounts"];
        const auto found = accounts.find(given.at("email").get<std::string>());
        if (found == accounts.end()) return fail(Code::not_found, "there is no such account");
        (*found)["disabled"] = given.at("disabled").get<bool>();
        return {};
      }));
      return std::string("{}");
    }
    if (command == "set-policy") {
      KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
        for (const json& binding : given.at("bindings")) {
          static_cast<void>(binding.at("role").get<std::string>());
          static_cast<void>(binding.at("members").get<std::vector<std::string>>());
        }
        state["policies"][given.at("resource").get<std::string>()] = {
            {"bindings", given.at("bindings")}};
        return {};
      }));
      return std::string("{}");
    }
    if (command == "ring") {
      KEYHOLD_TRY(versions_->change([&](State& state) -> Status {
        state["rings"][given.at("name").get<std::string>()] = {{"created", now_ms()}};
        return {};
      }));
      return std::string("{}");
    }
    if (command == "token") {
      KEYHOLD_TRY_ASSIGN(const std::string token,
                         new_token(given.at("email").get<std::string>(), std::chrono::hours(1)));
      return json{{"access_token", token}}.dump();
    }
  } catch (const json::exception&) {
    return fail(Code::invalid_argument, "a member is missing or of another type");
  }
  return fail(Code::not_found, "there is no such command");
}

}  // namespace keyhold::devcloud::gcp
