#include "devcloud/aws/aws.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/timestamp.h"
#include "devcloud/aws/arn.h"
#include "devcloud/aws/wire.h"
#include "devcloud/text.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr const char* kDocument = "state/aws.json";
constexpr std::string_view kTarget = "TrentService.";

bool is_kms(const net::HttpCall& call) {
  const std::string* const target = call.header("x-amz-target");
  return target != nullptr && target->starts_with(kTarget);
}

bool is_form(const net::HttpCall& call) {
  const std::string* const type = call.header("content-type");
  return call.method == "POST" && call.path == "/" && type != nullptr &&
         type->starts_with("application/x-www-form-urlencoded") &&
         call.body.find("Action=") != std::string::npos;
}

bool is_due(const AwsState& state, const Key& key, WallTime now) {
  if (!key.deletion_date || *key.deletion_date > now) return false;
  if (!key.multi_region || key.primary_region != key.region) return true;
  return std::ranges::none_of(state.keys, [&](const auto& item) {
    return item.second.id == key.id && item.second.region != key.region;
  });
}

// What the fault panel refuses in a service's own words.
std::optional<AwsError> refusal_of(const Fault& fault, Protocol protocol,
                                   const std::string& resource) {
  const bool json_form = protocol == Protocol::json;
  const auto with = [&](const std::string& code, const std::string& message, int status) {
    return AwsError{fault.code.empty() ? code : fault.code,
                    fault.message.empty() ? message : fault.message,
                    fault.status == 0 ? status : fault.status};
  };
  switch (fault.kind) {
    case Fault::Kind::deny:
      return json_form ? with("AccessDeniedException", "User is not authorized", 400)
                       : with("AccessDenied", "User is not authorized", 403);
    case Fault::Kind::disable:
      return with("DisabledException", resource + " is disabled.", 400);
    case Fault::Kind::throttle:
      return with(json_form ? "ThrottlingException" : "Throttling", "Rate exceeded", 400);
    case Fault::Kind::error:
      return with(json_form ? "KMSInternalException" : "InternalFailure",
                  "An internal failure, by the fault panel", 500);
    default:
      return std::nullopt;
  }
}

// The metadata service refuses by status alone; 0: it does not.
int metadata_status(const Fault& fault) {
  if (fault.status != 0) return fault.status;
  switch (fault.kind) {
    case Fault::Kind::deny:
      return 403;
    case Fault::Kind::throttle:
      return 503;
    case Fault::Kind::error:
      return 500;
    default:
      return 0;
  }
}

Versions<AwsState>::Save saver(const Folder& folder) {
  return [&folder](const AwsState& state) { return folder.save(kDocument, to_json(state)); };
}

}  // namespace

// One line of the access log, filled in on the way.
struct Aws::Record {
  std::string source;  // "kms.amazonaws.com"
  std::string event;
  std::string region;
  std::string peer;
  std::string agent;
  std::string request_id;
  json parameters = json::object();
  std::string resource;
  std::optional<Caller> caller;
  std::optional<AwsError> error;
};

Result<std::unique_ptr<Service>> Aws::open(const Shared& shared) {
  KEYHOLD_TRY_ASSIGN(const auto text, shared.folder.load(kDocument));
  AwsState state;
  if (text) {
    KEYHOLD_TRY_ASSIGN(state, state_from_json(*text));
  }
  return std::unique_ptr<Service>(new Aws(shared, std::move(state)));
}

Aws::Aws(const Shared& shared, AwsState state)
    : shared_(shared),
      versions_(std::move(state), shared.machine().clock, saver(shared.folder),
                [&shared = shared_] { return shared.faults.propagation_delay(); }),
      identity_(shared.sealer, shared.machine().random),
      kms_(versions_, shared.sealer, shared.machine()),
      sts_(identity_, shared.sealer),
      metadata_(identity_, shared.sealer),
      administration_(versions_, identity_, kms_, sts_, shared) {}

bool Aws::takes(const net::HttpCall& call) const {
  if (!call.tls) return call.path.starts_with("/latest/");
  return is_kms(call) || is_form(call);
}

net::HttpAnswer Aws::answer(const net::HttpCall& call) {
  end_due_keys();
  if (!call.tls) return answer_metadata(call);
  return is_kms(call) ? answer_kms(call) : answer_sts(call);
}

void Aws::end_due_keys() {
  const auto newest = versions_.newest();
  const WallTime at = now();
  const auto due = [&](const auto& item) { return is_due(*newest, item.second, at); };
  if (std::ranges::none_of(newest->keys, due)) return;
  const Status ended = versions_.change([&](AwsState& state) -> Status {
    std::erase_if(state.keys, [&](const auto& item) { return is_due(state, item.second, at); });
    const auto lives = [&](const std::string& id) {
      return std::ranges::any_of(state.keys,
                                 [&](const auto& item) { return item.second.id == id; });
    };
    std::erase_if(state.materials, [&](const auto& item) { return !lives(item.first); });
    std::erase_if(state.aliases, [&](const auto& item) { return !lives(item.second.key_id); });
    return {};
  });
  if (!ended) log::error("a key's deletion was not saved: " + ended.error().message());
}

Answer<Caller> Aws::authenticate(const net::HttpCall& call, const AwsState& state,
                                 const std::string& service, Protocol protocol,
                                 std::string& region) const {
  KEYHOLD_TRY_ASSIGN(const Authorization authorization, parse_authorization(call, protocol));
  region = authorization.region;
  if (authorization.service != service) {
    return tl::unexpected(bad_signature(
        protocol, "Credential should be scoped to correct service: '" + service + "'. "));
  }
  return identity_.authenticate(state, call, authorization, now(), protocol);
}

bool Aws::keep(const Record& record) const {
  json line = {{"eventVersion", "1.10"},        {"eventTime", format_timestamp(now())},
               {"eventSource", record.source},  {"eventName", record.event},
               {"awsRegion", record.region},    {"sourceIPAddress", record.peer},
               {"userAgent", record.agent},     {"requestParameters", record.parameters},
               {"requestID", record.request_id}};
  if (record.caller) {
    line["userIdentity"] = {{"type", record.caller->kind},
                            {"principalId", record.caller->user_id},
                            {"arn", record.caller->arn()},
                            {"accountId", record.caller->principal.account},
                            {"accessKeyId", record.caller->access_key_id}};
  }
  if (!record.resource.empty()) line["resources"] = json::array({json{{"ARN", record.resource}}});
  if (record.error) {
    line["errorCode"] = record.error->code;
    line["errorMessage"] = record.error->message;
  }
  const Status kept = shared_.log.append(line.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!kept) log::error("the access log: " + kept.error().message());
  return kept.has_value();
}

Answer<json> Aws::run_kms(const net::HttpCall& call, Record& record, std::optional<Fault>& fault) {
  record.event = call.header("x-amz-target")->substr(kTarget.size());
  const auto state = versions_.visible();
  KEYHOLD_TRY_ASSIGN(record.caller,
                     authenticate(call, *state, "kms", Protocol::json, record.region));
  const json input = json::parse(call.body, nullptr, false);
  if (!input.is_object()) return refuse("SerializationException", "The body is no JSON object");
  record.parameters = logged_parameters(input);
  KmsCall request{*record.caller, record.region, record.event, input, state, now()};
  record.resource = Kms::resource_of(request);
  fault = shared_.faults.meet("kms", record.event, record.resource);
  if (fault) {
    if (auto refusal = refusal_of(*fault, Protocol::json, record.resource)) {
      return tl::unexpected(*std::move(refusal));
    }
    request.wrong_key = fault->kind == Fault::Kind::wrong_key;
  }
  return kms_.handle(request);
}

net::HttpAnswer Aws::answer_kms(const net::HttpCall& call) {
  Record record;
  record.source = "kms.amazonaws.com";
  record.peer = call.peer;
  record.agent = call.header("user-agent") == nullptr ? "" : *call.header("user-agent");
  record.request_id = make_request_id(shared_.machine().random);
  std::optional<Fault> fault;
  auto outcome = run_kms(call, record, fault);
  if (!outcome) record.error = outcome.error();
  if (!keep(record)) outcome = broken("the access log cannot be written");
  net::HttpAnswer answer = kms_answer(outcome, record.request_id);
  if (fault) apply_to(*fault, answer);
  return answer;
}

Answer<std::string> Aws::run_sts(const net::HttpCall& call, Record& record,
                                 std::optional<Fault>& fault) {
  const auto form = form_values(call.body);
  record.event = form.contains("Action") ? form.at("Action") : "";
  record.parameters = logged_parameters(form);
  if (form.contains("RoleArn")) record.resource = form.at("RoleArn");
  const auto state = versions_.visible();
  if (!Sts::is_open(record.event)) {
    KEYHOLD_TRY_ASSIGN(record.caller,
                       authenticate(call, *state, "sts", Protocol::query, record.region));
  }
  fault = shared_.faults.meet("sts", record.event, record.resource);
  if (fault) {
    if (auto refusal = refusal_of(*fault, Protocol::query, record.resource)) {
      return tl::unexpected(*std::move(refusal));
    }
  }
  return sts_.handle(record.event, {record.caller ? &*record.caller : nullptr, form, state, now()});
}

net::HttpAnswer Aws::answer_sts(const net::HttpCall& call) {
  Record record;
  record.source = "sts.amazonaws.com";
  record.peer = call.peer;
  record.agent = call.header("user-agent") == nullptr ? "" : *call.header("user-agent");
  record.request_id = make_request_id(shared_.machine().random);
  std::optional<Fault> fault;
  auto outcome = run_sts(call, record, fault);
  if (!outcome) record.error = outcome.error();
  if (!keep(record)) {
    outcome = refuse("InternalFailure", "the access log cannot be written", 500);
  }
  net::HttpAnswer answer = sts_answer(outcome, record.event, record.request_id);
  if (fault) apply_to(*fault, answer);
  return answer;
}

net::HttpAnswer Aws::answer_metadata(const net::HttpCall& call) {
  Record record;
  record.source = "imds.amazonaws.com";
  record.event = call.method + " " + call.path;
  record.peer = call.peer;
  record.request_id = make_request_id(shared_.machine().random);
  const auto fault = shared_.faults.meet("imds", call.method, call.path);
  net::HttpAnswer answer = metadata_.answer(*versions_.visible(), call, now());
  if (fault) {
    if (const int status = metadata_status(*fault); status != 0) {
      answer = net::HttpAnswer{};
      answer.status = status;
    }
    apply_to(*fault, answer);
  }
  if (answer.status >= 400) record.error = AwsError{std::to_string(answer.status), "", 0};
  if (!keep(record)) answer.status = 500;
  return answer;
}

Result<std::string> Aws::administer(std::string_view command, std::string_view arguments) {
  end_due_keys();
  return administration_.run(command, arguments);
}

std::map<std::string, std::string> Aws::exports(const Endpoints& endpoints) const {
  return {{"AWS_ENDPOINT_URL", endpoints.https},
          {"AWS_ENDPOINT_URL_KMS", endpoints.https},
          {"AWS_ENDPOINT_URL_STS", endpoints.https},
          {"AWS_CA_BUNDLE", endpoints.ca_file},
          {"AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoints.metadata}};
}

}  // namespace keyhold::devcloud::aws
