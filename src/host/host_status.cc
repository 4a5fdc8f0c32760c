#include "host/host_status.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "host/json_text.h"

namespace keyhold::host {
namespace {

using nlohmann::json;

constexpr std::array kStates = {
    std::pair{HostState::waiting_for_kms, std::string_view("waiting-for-kms")},
    std::pair{HostState::serving, std::string_view("serving")},
    std::pair{HostState::degraded, std::string_view("degraded")},
    std::pair{HostState::sealing, std::string_view("sealing")},
    std::pair{HostState::sealed, std::string_view("sealed")},
    std::pair{HostState::unsealing, std::string_view("unsealing")},
};

constexpr std::array kKeyStates = {
    std::pair{kms::KeyState::enabled, std::string_view("enabled")},
    std::pair{kms::KeyState::disabled, std::string_view("disabled")},
    std::pair{kms::KeyState::pending_deletion, std::string_view("pending-deletion")},
};

constexpr std::array kCopyStates = {
    std::pair{keyring::CopyState::good, std::string_view("good")},
    std::pair{keyring::CopyState::behind, std::string_view("behind")},
    std::pair{keyring::CopyState::missing, std::string_view("missing")},
    std::pair{keyring::CopyState::damaged, std::string_view("damaged")},
    std::pair{keyring::CopyState::unsupported, std::string_view("unsupported")},
};

constexpr std::array kPolicyStates = {
    std::pair{PolicyState::defaults, std::string_view("defaults")},
    std::pair{PolicyState::set, std::string_view("set")},
    std::pair{PolicyState::tampered, std::string_view("tampered")},
};

template <typename Table, typename Value>
std::string_view name_in(const Table& table, Value value) {
  const auto found = std::ranges::find(table, value, &Table::value_type::first);
  return found == table.end() ? std::string_view("unknown") : found->second;
}

// Names that a later version may add are errors of the reader, not of the sender.
template <typename Table>
auto value_in(const Table& table, const std::string& name) {
  const auto found = std::ranges::find(table, name, &Table::value_type::second);
  if (found == table.end()) throw std::invalid_argument("unknown name " + name);
  return found->first;
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// The library would take a number with a fraction, or beyond the type, for whatever it becomes.
template <typename Number>
Number whole_number(const json& from) {
  const bool whole =
      from.is_number_unsigned() || (std::is_signed_v<Number> && from.is_number_integer());
  if (!whole) throw std::invalid_argument("no whole number: " + from.dump());
  if (std::is_signed_v<Number> && from.is_number_unsigned() &&
      from.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<Number>::max())) {
    throw std::invalid_argument("too large: " + from.dump());
  }
  return from.get<Number>();
}

WallTime parse_time(const std::string& text) {
  std::tm parts{};
  const bool read = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) != nullptr;
  // Before, and later than WallTime can count.
  if (!read || parts.tm_year < 70 || parts.tm_year > 2261 - 1900) {
    throw std::invalid_argument("no time: " + text);
  }
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

keyring::CopyReport copy_from(const json& from) {
  return {.name = from.at("name"),
          .state = value_in(kCopyStates, from.at("state")),
          .sequence = whole_number<std::uint64_t>(from.at("sequence")),
          .problem = from.value("problem", "")};
}

keyring::Health health_from(const json& from) {
  keyring::Health health;
  health.detects_rollback = from.at("detects_rollback");
  health.rollback_accepted = from.at("rollback_accepted");
  health.anchor_behind = from.at("anchor_behind");
  for (const json& copy : from.at("copies_at_open")) health.copies.push_back(copy_from(copy));
  health.repaired_copies = from.at("repaired_copies");
  health.lockbox_problems = from.at("lockbox_problems");
  return health;
}

kms::Fault fault_from(const std::string& name) {
  for (int number = 1; number <= static_cast<int>(kms::Fault::ambiguous); ++number) {
    const auto fault = static_cast<kms::Fault>(number);
    if (kms::fault_name(fault) == name) return fault;
  }
  throw std::invalid_argument("unknown fault " + name);
}

KmsAnswer answer_from(const json& from) {
  KmsAnswer answer;
  answer.spec.uri = KeyUri(from.at("uri").get<std::string>());
  answer.unwraps = from.at("unwraps");
  if (from.contains("state")) {
    answer.key = kms::KeyDescription{.state = value_in(kKeyStates, from.at("state")),
                                     .primary_version = KeyVersion(from.at("primary_version")),
                                     .deletion_date = {},
                                     .request_id = {}};
    if (from.contains("deletion_date")) {
      answer.key->deletion_date = parse_time(from.at("deletion_date"));
    }
  }
  if (from.contains("fault")) {
    answer.error.emplace(fault_from(from.at("fault")), from.at("problem").get<std::string>());
  }
  return answer;
}

keyring::PolicyPin pin_from(const json& from) {
  keyring::PolicyPin pin{.version = whole_number<std::uint64_t>(from.at("version")), .digest = {}};
  const auto digest = from_hex(from.at("sha256").get<std::string>());
  if (!digest || digest->size() != pin.digest.size()) throw std::invalid_argument("no digest");
  copy_bytes(*digest, pin.digest);
  return pin;
}

PolicyView policy_from(const json& from) {
  PolicyView view{.state = value_in(kPolicyStates, from.at("state")),
                  .pin = std::nullopt,
                  .problem = from.value("problem", "")};
  if (from.contains("version")) view.pin = pin_from(from);
  return view;
}

crypto::SecretMemoryUse memory_from(const json& from) {
  const json& limit = from.at("limit_bytes");
  return {.locked_bytes = whole_number<std::size_t>(from.at("locked_bytes")),
          .used_bytes = whole_number<std::size_t>(from.at("used_bytes")),
          .limit_bytes = limit.is_null() ? SIZE_MAX : whole_number<std::size_t>(limit)};
}

HostStatus status_from(const json& from) {
  HostStatus status;
  status.pid = whole_number<std::int64_t>(from.at("pid"));
  status.program = from.at("program");
  status.started = parse_time(from.at("started"));
  status.state = value_in(kStates, from.at("state"));
  status.state_since = parse_time(from.value("state_since", from.at("started")));
  status.reason = from.at("reason");
  status.aead_backend = from.at("aead_backend");
  status.secret_memory = memory_from(from.at("secret_memory"));
  status.clone_detection = from.at("clone_detection");
  if (!from.at("last_kms_success").is_null()) {
    status.last_kms_success = parse_time(from.at("last_kms_success"));
  }
  status.last_kms_problem = from.at("last_kms_problem");
  status.last_kms_denied = from.at("last_kms_denied");
  for (const json& answer : from.at("kms")) status.kms.push_back(answer_from(answer));
  status.audit_problem = from.at("audit_problem");
  status.upkeep_problems = from.at("upkeep_problems");
  status.health = health_from(from.at("key_ring"));
  if (!from.at("policy").is_null()) status.policy = policy_from(from.at("policy"));
  status.requests = whole_number<std::uint64_t>(from.at("requests"));
  return status;
}

}  // namespace

std::string time_text(WallTime time) {
  const std::time_t seconds = seconds_of(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::string_view host_state_name(HostState state) {
  return name_in(kStates, state);
}

std::string_view policy_state_name(PolicyState state) {
  return name_in(kPolicyStates, state);
}

std::string_view copy_state_name(keyring::CopyState state) {
  return name_in(kCopyStates, state);
}

json to_json(const keyring::CopyReport& copy) {
  json out = {
      {"name", copy.name}, {"state", copy_state_name(copy.state)}, {"sequence", copy.sequence}};
  if (!copy.problem.empty()) out["problem"] = copy.problem;
  return out;
}

json answer_json(const KmsAnswer& answer) {
  json out = {{"unwraps", answer.unwraps}};
  if (answer.key) {
    out["state"] = name_in(kKeyStates, answer.key->state);
    out["primary_version"] = answer.key->primary_version.str();
    if (answer.key->deletion_date) out["deletion_date"] = time_text(*answer.key->deletion_date);
  }
  if (answer.error) {
    out["fault"] = kms::fault_name(answer.error->fault());
    out["problem"] = answer.error->message();
  }
  return out;
}

json to_json(const crypto::SecretMemoryUse& use) {
  const bool limited = use.limit_bytes != SIZE_MAX;
  return {{"locked_bytes", use.locked_bytes},
          {"used_bytes", use.used_bytes},
          {"limit_bytes", limited ? json(use.limit_bytes) : json(nullptr)}};
}

namespace {

json health_json(const keyring::Health& health) {
  json copies = json::array();
  for (const auto& copy : health.copies) copies.push_back(to_json(copy));
  return {{"detects_rollback", health.detects_rollback},
          {"rollback_accepted", health.rollback_accepted},
          {"anchor_behind", health.anchor_behind},
          {"copies_at_open", copies},
          {"repaired_copies", health.repaired_copies},
          {"lockbox_problems", health.lockbox_problems}};
}

json kms_json(const std::vector<KmsAnswer>& answers) {
  json all = json::array();
  for (const KmsAnswer& answer : answers) {
    json out = answer_json(answer);
    out["uri"] = answer.spec.uri.str();
    all.push_back(std::move(out));
  }
  return all;
}

json policy_json(const PolicyView& view) {
  json out = {{"state", policy_state_name(view.state)}};
  if (view.pin) {
    out["version"] = view.pin->version;
    out["sha256"] = to_hex(view.pin->digest);
  }
  if (!view.problem.empty()) out["problem"] = view.problem;
  return out;
}

}  // namespace

json to_json(const HostStatus& status) {
  const auto& success = status.last_kms_success;
  return {{"pid", status.pid},
          {"program", status.program},
          {"started", time_text(status.started)},
          {"state", host_state_name(status.state)},
          {"state_since", time_text(status.state_since)},
          {"reason", status.reason},
          {"aead_backend", status.aead_backend},
          {"secret_memory", to_json(status.secret_memory)},
          {"clone_detection", status.clone_detection},
          {"last_kms_success", success ? json(time_text(*success)) : json(nullptr)},
          {"last_kms_problem", status.last_kms_problem},
          {"last_kms_denied", status.last_kms_denied},
          {"kms", kms_json(status.kms)},
          {"audit_problem", status.audit_problem},
          {"upkeep_problems", status.upkeep_problems},
          {"key_ring", health_json(status.health)},
          {"policy", status.policy ? policy_json(*status.policy) : json(nullptr)},
          {"requests", status.requests}};
}

std::string to_json_text(const HostStatus& status) {
  return to_json(status).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<HostStatus> host_status_from_json(std::string_view text) {
  try {
    return status_from(json::parse(text));
  } catch (const std::exception& problem) {
    return fail(
        Code::integrity,
        std::string("the host's status is not as this version writes it: ") + problem.what());
  }
}

}  // namespace keyhold::host
