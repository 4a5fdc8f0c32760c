#include "devcloud/vault/vault.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "devcloud/text.h"
#include "devcloud/vault/call.h"

namespace keyhold::devcloud::vault {
namespace {

using nlohmann::json;

constexpr const char* kStateDocument = "state/vault.json";
constexpr const char* kLoginsDocument = "state/vault-logins.json";
constexpr std::string_view kPrefix = "/v1/";

std::string operation_of(const net::HttpCall& call) {
  if (call.method == "GET") return call.query.starts_with("list=true") ? "list" : "read";
  if (call.method == "LIST") return "list";
  if (call.method == "POST" || call.method == "PUT") return "update";
  if (call.method == "DELETE") return "delete";
  if (call.method == "PATCH") return "patch";
  return "";
}

std::string header_or_nothing(const net::HttpCall& call, std::string_view name) {
  const std::string* const value = call.header(name);
  return value == nullptr ? std::string() : *value;
}

std::string token_of(const net::HttpCall& call) {
  std::string token = header_or_nothing(call, "x-vault-token");
  const std::string bearer = header_or_nothing(call, "authorization");
  constexpr std::string_view kBearer = "Bearer ";
  if (token.empty() && bearer.starts_with(kBearer)) token = bearer.substr(kBearer.size());
  return token;
}

// What the fault panel refuses in Vault's own words.
std::optional<VaultError> refusal_of(const Fault& fault) {
  const auto with = [&](int status, const char* text) {
    return VaultError{fault.status == 0 ? status : fault.status,
                      {fault.message.empty() ? text : fault.message}};
  };
  switch (fault.kind) {
    case Fault::Kind::deny:
      return with(403, "1 error occurred:\n\t* permission denied\n\n");
    case Fault::Kind::disable:
      return with(400, "ciphertext or signature version is disallowed by policy (too old)");
    case Fault::Kind::throttle:
      return with(429, "rate limit quota exceeded");
    case Fault::Kind::error:
      return with(500, "internal error");
    default:
      return std::nullopt;
  }
}

json or_null(const std::shared_ptr<const json>& value) {
  return value == nullptr ? json() : *value;
}

net::HttpAnswer to_answer(const Answer<Reply>& outcome, const std::string& request_id) {
  net::HttpAnswer answer;
  answer.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  json body;
  if (!outcome) {
    answer.status = outcome.error().status;
    body = {{"errors", outcome.error().errors}};
  } else if (outcome->bare) {
    answer.status = outcome->status;
    body = *outcome->data;
  } else if (outcome->data == nullptr && outcome->auth == nullptr) {
    answer.status = 204;
    return answer;
  } else {
    answer.status = outcome->status;
    body = {{"request_id", request_id},
            {"lease_id", ""},
            {"renewable", false},
            {"lease_duration", 0},
            {"data", or_null(outcome->data)},
            {"wrap_info", nullptr},
            {"warnings", nullptr},
            {"auth", or_null(outcome->auth)}};
  }
  answer.body = body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  return answer;
}

Answer<void> run_edit(const std::function<Status(std::optional<VaultError>&)>& change) {
  std::optional<VaultError> refused;
  const Status changed = change(refused);
  if (refused) return tl::unexpected(*std::move(refused));
  if (!changed) return refuse(500, changed.error().message());
  return {};
}

template <typename T>
Answer<void> edit_in(Versions<T>& versions, const std::function<Answer<void>(T&)>& edit) {
  return run_edit([&](std::optional<VaultError>& refused) {
    return versions.change([&](T& value) -> Status {
      const auto edited = edit(value);
      if (edited) return {};
      refused = edited.error();
      return fail(Code::invalid_argument, "refused");
    });
  });
}

}  // namespace

Reply with_data(const json& data) {
  return {.data = std::make_shared<const json>(data), .auth = {}};
}

Reply with_auth(const json& auth) {
  return {.data = {}, .auth = std::make_shared<const json>(auth)};
}

Result<std::unique_ptr<Service>> Vault::open(const Shared& shared) {
  KEYHOLD_TRY_ASSIGN(const auto state_text, shared.folder.load(kStateDocument));
  KEYHOLD_TRY_ASSIGN(const auto logins_text, shared.folder.load(kLoginsDocument));
  VaultState state;
  Logins logins;
  if (state_text) {
    KEYHOLD_TRY_ASSIGN(state, state_from_json(*state_text));
  }
  if (logins_text) {
    KEYHOLD_TRY_ASSIGN(logins, logins_from_json(*logins_text));
  }
  return std::unique_ptr<Service>(new Vault(shared, std::move(state), std::move(logins)));
}

Vault::Vault(const Shared& shared, VaultState state, Logins logins)
    : shared_(shared),
      versions_(
          std::move(state), shared.machine().clock,
          [&folder = shared.folder](const VaultState& value) {
            return folder.save(kStateDocument, to_json(value));
          },
          [&shared = shared_] { return shared.faults.propagation_delay(); }),
      logins_(
          std::move(logins), shared.machine().clock,
          [&folder = shared.folder](const Logins& value) {
            return folder.save(kLoginsDocument, to_json(value));
          },
          [] { return std::chrono::milliseconds(0); }) {}

// Google's APIs have their /v1/projects/… on the same port, without a header of Vault's.
bool Vault::takes(const net::HttpCall& call) const {
  if (!call.tls || !call.path.starts_with(kPrefix)) return false;
  if (call.header("x-vault-request") != nullptr || call.header("x-vault-token") != nullptr) {
    return true;
  }
  const std::string path = call.path.substr(kPrefix.size());
  return path.starts_with("sys/") || path.starts_with("auth/") ||
         under(versions_.newest()->transits, path).has_value();
}

Answer<Reply> Vault::run(const net::HttpCall& http, Call& call, std::optional<Fault>& fault) {
  call.operation = operation_of(http);
  call.path = uri_decode(http.path.substr(kPrefix.size()));
  while (call.path.ends_with('/')) call.path.pop_back();
  call.token_text = token_of(http);
  call.state = versions_.visible();
  if (call.operation.empty()) return refuse(405, "unsupported operation");
  const std::string space = header_or_nothing(http, "x-vault-namespace");
  if (!space.empty() && space != "root" && space != "/") return refuse(404, "namespace not found");
  call.body_parsed = std::make_shared<const json>(
      http.body.empty() ? json::object() : json::parse(http.body, nullptr, false));
  if (!call.body().is_object()) return refuse(400, "failed to decode JSON input");
  fault = shared_.faults.meet("vault", call.path.substr(0, call.path.rfind('/')), call.path);
  if (fault) {
    if (auto refusal = refusal_of(*fault)) return tl::unexpected(*std::move(refusal));
    call.wrong_key = fault->kind == Fault::Kind::wrong_key;
  }
  const bool is_login = call.path.starts_with("auth/") && call.path.ends_with("/login");
  if (is_login || call.path == "sys/health" || call.path == "sys/seal-status") {
    return open_path(call);
  }
  if (logins_.newest()->sealed) return refuse(503, "Vault is sealed");
  KEYHOLD_TRY(authenticate(call));
  if (!permitted(call)) return permission_denied();
  return route(call);
}

Answer<Reply> Vault::route(const Call& call) {
  if (call.path.starts_with("sys/")) return system_path(call);
  if (call.path.starts_with("auth/token/")) return tokens(call);
  if (call.path.starts_with("auth/")) {
    const auto place = under(call.state->approles, std::string_view(call.path).substr(5));
    if (place) return roles(call, *place);
  } else if (const auto place = under(call.state->transits, call.path)) {
    return transit(call, *place);
  }
  return refuse(404, "no handler for route \"" + call.path + "\". route entry not found.");
}

Answer<Reply> Vault::as_root(const std::string& operation, const std::string& path,
                             const json& body) {
  Call call;
  call.operation = operation;
  call.path = path;
  call.body_parsed = std::make_shared<const json>(body);
  call.state = versions_.newest();
  call.token_text = root_token();
  call.token = find_token(call.token_text);
  return route(call);
}

net::HttpAnswer Vault::answer(const net::HttpCall& http) {
  Call call;
  call.request_id = random_id();
  std::optional<Fault> fault;
  Answer<Reply> outcome = refuse(400, "a member of another type");
  try {
    outcome = run(http, call, fault);
  } catch (const json::exception& error) {
    outcome = refuse(400, std::string("error converting input: ") + error.what());
  }
  if (!keep(http, call, outcome)) {
    outcome = refuse(500, "the audit log cannot be written");
  }
  net::HttpAnswer answer = to_answer(outcome, call.request_id);
  if (fault) apply_to(*fault, answer);
  return answer;
}

bool Vault::keep(const net::HttpCall& http, const Call& call, const Answer<Reply>& outcome) const {
  json line = {{"eventTime", format_timestamp(shared_.machine().clock.wall_now())},
               {"eventSource", "vault"},
               {"eventName", call.operation + " " + call.path},
               {"sourceIPAddress", http.peer},
               {"userAgent", header_or_nothing(http, "user-agent")},
               {"requestID", call.request_id},
               {"resources", json::array({json{{"ARN", call.path}}})}};
  if (call.token) {
    line["userIdentity"] = {{"type", "VaultToken"},
                            {"arn", call.token->display_name},
                            {"accessKeyId", call.token->accessor},
                            {"policies", call.token->policies}};
  }
  if (!outcome) {
    const VaultError& error = outcome.error();
    line["errorCode"] = std::to_string(error.status);
    line["errorMessage"] = error.errors.empty() ? "" : error.errors.front();
  } else if (outcome->auth != nullptr) {
    line["responseElements"] = {{"accessor", outcome->auth->at("accessor")},
                                {"policies", outcome->auth->at("policies")},
                                {"metadata", outcome->auth->at("metadata")}};
  }
  const Status kept = shared_.log.append(line.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!kept) log::error("the access log: " + kept.error().message());
  return kept.has_value();
}

std::map<std::string, std::string> Vault::exports(const Endpoints& endpoints) const {
  return {{"VAULT_ADDR", endpoints.https}, {"VAULT_CACERT", endpoints.ca_file}};
}

Answer<void> Vault::change(const std::function<Answer<void>(VaultState&)>& edit) {
  return edit_in<VaultState>(versions_, edit);
}

Answer<void> Vault::change_logins(const std::function<Answer<void>(Logins&)>& edit) {
  return edit_in<Logins>(logins_, edit);
}

std::string Vault::hidden(std::string_view purpose, std::string_view text) const {
  return to_hex(shared_.sealer.derive(purpose, text));
}

std::string Vault::random_id() const {
  ByteVector bytes(16);
  shared_.machine().random.fill(bytes);
  const std::string hex = to_hex(bytes);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

std::int64_t Vault::now_s() const {
  const auto since = shared_.machine().clock.wall_now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

std::optional<Vault::Place> Vault::under(const std::set<std::string>& mounts,
                                         std::string_view path) {
  for (const std::string& mount : mounts) {
    if (!path.starts_with(mount + "/")) continue;
    return Place{mount, split(path.substr(mount.size() + 1), '/')};
  }
  return std::nullopt;
}

Answer<std::int64_t> seconds_member(const json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return 0;
  if (found->is_number_unsigned()) return found->get<std::int64_t>();
  const std::string text = found->is_string() ? found->get<std::string>() : "?";
  if (text.empty()) return 0;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, text.data() + text.size());
  const std::map<std::string_view, std::int64_t> units = {
      {"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  constexpr std::int64_t kMost = 1'000'000;
  if (error != std::errc() || number < 0 || number > kMost || !units.contains(unit)) {
    return refuse(400, std::string("error converting input for field \"") + name + "\"");
  }
  return number * units.at(unit);
}

std::vector<std::string> list_member(const json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return {};
  std::vector<std::string> list;
  const auto given = found->is_string() ? split(found->get<std::string>(), ',')
                                        : found->get<std::vector<std::string>>();
  for (const std::string& one : given) {
    if (!trim(one).empty()) list.emplace_back(trim(one));
  }
  return list;
}

std::string text_member(const json& body, const char* name) {
  const auto found = body.find(name);
  return found == body.end() || found->is_null() ? "" : found->get<std::string>();
}

Answer<int> count_member(const json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return 0;
  int count = 0;
  if (found->is_string()) {
    const auto text = found->get<std::string>();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size()) {
      return refuse(400, std::string("error converting input for field \"") + name + "\"");
    }
  } else {
    count = found->get<int>();
  }
  if (count < 0) return refuse(400, std::string(name) + " cannot be negative");
  return count;
}

}  // namespace keyhold::devcloud::vault
