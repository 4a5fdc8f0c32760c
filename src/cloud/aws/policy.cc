#include "cloud/aws/policy.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/aws/arn.h"
#include "cloud/aws/conditions.h"

namespace keyhold::cloud::aws {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPolicyBytes = 32U << 10U;

enum class Match : std::uint8_t { none, account, direct };

// A string, or a list of them.
std::vector<std::string> strings_of(const json& value) {
  std::vector<std::string> out;
  if (value.is_string()) out.push_back(value.get<std::string>());
  if (!value.is_array()) return out;
  for (const json& item : value) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

bool is_text_or_list(const json& value) {
  const std::size_t texts = strings_of(value).size();
  return texts > 0 && texts == (value.is_array() ? value.size() : 1);
}

std::vector<json> statements_of(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("Statement")) return {};
  const json& statement = document["Statement"];
  if (statement.is_array()) return {statement.begin(), statement.end()};
  return {statement};
}

// Whether one of the patterns under `name` fits; with "Not" before the name, whether none does.
bool fits(const json& statement, const std::string& name,
          const std::function<bool(const std::string&)>& is_it) {
  if (statement.contains(name)) return std::ranges::any_of(strings_of(statement[name]), is_it);
  const std::string inverse = "Not" + name;
  if (!statement.contains(inverse)) return false;
  return std::ranges::none_of(strings_of(statement[inverse]), is_it);
}

// Its Condition aside.
bool covers(const json& statement, const PolicyRequest& request) {
  const auto is_action = [&](const std::string& pattern) {
    return matches_wildcard(to_lower(pattern), to_lower(request.action));
  };
  const auto is_resource = [&](const std::string& pattern) {
    return matches_wildcard(pattern, request.resource);
  };
  const bool any_resource = !statement.contains("Resource") && !statement.contains("NotResource");
  return fits(statement, "Action", is_action) &&
         (any_resource || fits(statement, "Resource", is_resource));
}

void collect_conditions(const json& statement, std::set<std::string>& keys) {
  if (!statement.contains("Condition")) return;
  for (const auto& [name, conditions] : statement["Condition"].items()) {
    for (const auto& [key, value] : conditions.items()) keys.insert(to_lower(key));
  }
}

// What a statement that covers the request, and means its principal, adds to the verdict.
void add_to(PolicyVerdict& verdict, const json& statement, const PolicyRequest& request,
            Match match) {
  collect_conditions(statement, verdict.condition_keys);
  if (!conditions_hold(statement, request.context)) return;
  const bool allows = statement.value("Effect", "") == "Allow";
  verdict.deny = verdict.deny || !allows;
  verdict.deny_always = verdict.deny_always || (!allows && !statement.contains("Condition"));
  verdict.allow_directly = verdict.allow_directly || (allows && match == Match::direct);
  verdict.allow_account = verdict.allow_account || allows;
}

bool is_account_id(std::string_view text) {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// The ARN of the account's root, in any partition.
bool is_root(const std::string& text, const std::string& account) {
  const auto arn = parse_arn(text);
  return arn && arn->service == "iam" && arn->account == account && arn->resource == "root";
}

Match match_aws(const std::string& named, const Policy& policy, const Principal& principal) {
  if (named == "*") return Match::direct;
  if (principal.account.empty()) return Match::none;
  if (named == principal.account || is_root(named, principal.account)) {
    return is_root(principal.arn, principal.account) ? Match::direct : Match::account;
  }
  if (!principal.session_arn.empty() && named == principal.session_arn) return Match::direct;
  if (named != principal.arn) return Match::none;
  const auto pin = policy.pins.find(named);
  const bool is_same = pin == policy.pins.end() || pin->second == principal.id;
  return is_same ? Match::direct : Match::none;
}

Match match_principal(const json& statement, const Policy& policy, const Principal& principal) {
  if (!statement.contains("Principal")) return Match::none;
  const json& named = statement["Principal"];
  if (named.is_string()) return named == "*" ? Match::direct : Match::none;
  Match best = Match::none;
  for (const auto& [kind, value] : named.items()) {
    for (const std::string& name : strings_of(value)) {
      Match match = Match::none;
      if (kind == "AWS") match = match_aws(name, policy, principal);
      if (kind == "Service" && name == principal.service) match = Match::direct;
      if (kind == "Federated" && name == principal.federated) match = Match::direct;
      best = std::max(best, match);
    }
  }
  return best;
}

std::optional<std::string> wrong_principal(const json& named) {
  if (named == "*") return std::nullopt;
  if (!named.is_object() || named.empty()) return "a Principal is \"*\" or an object";
  for (const auto& [kind, value] : named.items()) {
    if (kind != "AWS" && kind != "Service" && kind != "Federated") {
      return "the kind of principal " + kind + " is unknown";
    }
    if (strings_of(value).empty()) return "a Principal names nobody";
  }
  return std::nullopt;
}

std::optional<std::string> wrong_statement(const json& statement, bool on_resource) {
  if (!statement.is_object()) return "a statement is an object";
  for (const auto& [name, value] : statement.items()) {
    static const std::vector<std::string> known = {"Sid",         "Effect",    "Principal",
                                                   "Action",      "NotAction", "Resource",
                                                   "NotResource", "Condition"};
    if (std::ranges::find(known, name) == known.end()) return "unknown element " + name;
  }
  const json effect = statement.value("Effect", json());
  if (effect != "Allow" && effect != "Deny") return "an Effect is Allow or Deny";
  for (const char* const name : {"Action", "NotAction", "Resource", "NotResource"}) {
    if (statement.contains(name) && !is_text_or_list(statement[name])) {
      return std::string(name) + " is a text or a list of texts";
    }
  }
  if (statement.contains("Action") == statement.contains("NotAction")) {
    return "a statement has an Action or a NotAction";
  }
  if (statement.contains("Principal") != on_resource) {
    return on_resource ? "a statement of a resource's policy has a Principal"
                       : "a policy on a principal names no Principal";
  }
  if (on_resource) {
    if (auto wrong = wrong_principal(statement["Principal"])) return wrong;
  }
  return wrong_conditions(statement);
}

}  // namespace

PolicyVerdict judge_resource_policy(const Policy& policy, const PolicyRequest& request) {
  PolicyVerdict verdict;
  for (const json& statement : statements_of(policy.text)) {
    const Match match = match_principal(statement, policy, request.principal);
    if (match != Match::none && covers(statement, request)) {
      add_to(verdict, statement, request, match);
    }
  }
  return verdict;
}

PolicyVerdict judge_identity_policy(const std::string& text, const PolicyRequest& request) {
  PolicyVerdict verdict;
  for (const json& statement : statements_of(text)) {
    if (covers(statement, request)) add_to(verdict, statement, request, Match::direct);
  }
  return verdict;
}

std::optional<std::string> wrong_policy(const std::string& text, bool on_resource) {
  if (text.size() > kMaxPolicyBytes) return "it is longer than 32 KiB";
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return "it is no JSON object";
  const std::string version = document.value("Version", json()).is_string()
                                  ? document["Version"].get<std::string>()
                                  : "2008-10-17";
  if (version != "2012-10-17" && version != "2008-10-17") return "unknown Version";
  const auto statements = statements_of(text);
  if (statements.empty()) return "it has no Statement";
  for (const json& statement : statements) {
    if (auto wrong = wrong_statement(statement, on_resource)) return wrong;
  }
  return std::nullopt;
}

std::vector<std::string> principals_of(const std::string& text) {
  std::vector<std::string> out;
  for (const json& statement : statements_of(text)) {
    if (!statement.contains("Principal") || !statement["Principal"].is_object()) continue;
    for (const std::string& name : strings_of(statement["Principal"].value("AWS", json()))) {
      const bool is_account = is_account_id(name) || name.ends_with(":root");
      if (name != "*" && !is_account) out.push_back(name);
    }
  }
  return out;
}

bool names_principals(const std::string& text) {
  return std::ranges::any_of(statements_of(text), [](const json& statement) {
    return statement.is_object() && statement.contains("Principal");
  });
}

bool speaks_of(const std::string& text, std::string_view service) {
  const std::string prefix = to_lower(service) + ":";
  const auto is_of_it = [&](const std::string& action) {
    return to_lower(action).starts_with(prefix);
  };
  return std::ranges::any_of(statements_of(text), [&](const json& statement) {
    return statement.is_object() && statement.contains("Action") &&
           std::ranges::any_of(strings_of(statement["Action"]), is_of_it);
  });
}

bool names_no_resource(const std::string& text) {
  return std::ranges::any_of(statements_of(text), [](const json& statement) {
    return !statement.contains("Resource") && !statement.contains("NotResource");
  });
}

bool has_variables(const std::string& text) {
  return text.find("${") != std::string::npos;
}

}  // namespace keyhold::cloud::aws
