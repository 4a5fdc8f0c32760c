#include "kms/aws/grants.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/aws/arn.h"
#include "cloud/aws/policy.h"

namespace keyhold::kms::aws {
namespace {

using nlohmann::ordered_json;

constexpr const char* kUnknownOwn = "ARN-OF-THE-CLUSTERS-OWN-PRINCIPAL";
constexpr std::array kNeeded = {"kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"};
constexpr std::array kTooMuch = {"kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy",
                                 "kms:CreateGrant"};
constexpr std::string_view kAssumedRole = "assumed-role/";

std::string document_of(const ordered_json& statement) {
  const ordered_json document = {{"Version", "2012-10-17"},
                                 {"Statement", ordered_json::array({statement})}};
  return document.dump(2) + "\n";
}

// A session's role, which policies name; any other principal as it is. A session's ARN does not
// have the role's path.
std::string principal_of(const std::string& identity) {
  const auto arn = cloud::aws::parse_arn(identity);
  if (!arn || arn->service != "sts" || !arn->resource.starts_with(kAssumedRole)) return identity;
  std::string name = arn->resource.substr(kAssumedRole.size());
  name.resize(std::min(name.size(), name.find('/')));
  return "arn:" + arn->partition + ":iam::" + arn->account + ":role/" + name;
}

std::string principal_or_placeholder(const std::string& identity) {
  return identity.empty() ? kUnknownOwn : principal_of(identity);
}

// Whoever assumes the last role.
std::string before_last(const Parties& parties) {
  const std::size_t count = parties.roles.size();
  return count > 1 ? parties.roles[count - 2].role_arn : parties.own;
}

cloud::aws::Principal principal_named(const std::string& arn) {
  cloud::aws::Principal principal;
  principal.arn = principal_of(arn);
  if (const auto parsed = cloud::aws::parse_arn(arn)) principal.account = parsed->account;
  if (principal.arn != arn) principal.session_arn = arn;
  return principal;
}

std::multimap<std::string, std::string> context_of(const cloud::aws::Principal& principal) {
  return {{"aws:principalarn", principal.arn},
          {"aws:principalaccount", principal.account},
          {"aws:securetransport", "true"}};
}

void add_encryption_context(const WrapContext& context,
                            std::multimap<std::string, std::string>& to) {
  for (const auto& [name, value] : to_pairs(context)) {
    to.emplace("kms:encryptioncontext:" + name, value);
    to.emplace("kms:encryptioncontextkeys", name);
  }
}

// The Condition keys of the verdict that a request of ours does not tell.
std::string unknown_keys(const cloud::aws::PolicyVerdict& verdict,
                         const std::multimap<std::string, std::string>& context) {
  std::string out;
  for (const std::string& key : verdict.condition_keys) {
    const bool ours = key == "sts:externalid" || key.starts_with("kms:encryptioncontext");
    if (ours || context.contains(key)) continue;
    out += (out.empty() ? "" : ", ") + key;
  }
  return out;
}

struct Kind {
  bool on_resource;
  std::string need_beside;  // what has to allow it too, where the account alone is named …
  bool need_beside_always;  // … or in any case: across accounts, and of an IAM policy
};

bool is_of(const std::string& arn, const std::string& account) {
  const auto parsed = cloud::aws::parse_arn(arn);
  return parsed && parsed->account == account;
}

Foretold judge(const std::string& policy, const cloud::aws::PolicyRequest& request,
               const Kind& kind, bool needed) {
  const auto verdict = kind.on_resource ? cloud::aws::judge_resource_policy({policy, {}}, request)
                                        : cloud::aws::judge_identity_policy(policy, request);
  Foretold row{.action = request.action, .outcome = {}, .needed = needed, .reason = {}};
  const std::string unknown = unknown_keys(verdict, request.context);
  if (verdict.deny) {
    row.outcome = Foretold::Outcome::refused;
    row.reason = "an explicit Deny";
  } else if (verdict.allow_directly && !kind.need_beside_always) {
    row.outcome = Foretold::Outcome::allowed;
  } else if (verdict.allow_directly) {
    row.outcome = Foretold::Outcome::depends;
    row.reason = kind.need_beside + " has to allow it too";
  } else if (verdict.allow_account) {
    row.outcome = Foretold::Outcome::depends;
    row.reason = "it allows the account; " + kind.need_beside + " has to allow it too";
  } else {
    row.outcome = Foretold::Outcome::refused;
    row.reason = "no statement allows it to " + request.principal.arn;
  }
  if (!unknown.empty() && !verdict.deny_always) {
    row.outcome = Foretold::Outcome::depends;
    row.reason += (row.reason.empty() ? "" : "; ") + ("judged without " + unknown) +
                  ", which only AWS knows at the time";
  }
  return row;
}

std::vector<Foretold> of_trust(const std::string& policy, const Parties& parties) {
  const cloud::aws::Principal principal = principal_named(before_last(parties));
  const cloud::aws::RoleHop& role = parties.roles.back();
  cloud::aws::PolicyRequest request{principal, "sts:AssumeRole", role.role_arn,
                                    context_of(principal)};
  const Kind kind{.on_resource = true,
                  .need_beside = "an IAM policy of " + principal.arn,
                  .need_beside_always = !is_of(role.role_arn, principal.account)};
  auto without = request;
  request.context.emplace("sts:externalid", role.external_id);
  std::vector<Foretold> rows = {judge(policy, request, kind, true)};
  rows.back().action += " with external id " + role.external_id;
  rows.push_back(judge(policy, without, kind, false));
  rows.back().action += " without an external id";
  return rows;
}

std::vector<Foretold> of_key(const std::string& policy, const Parties& parties, bool on_resource,
                             const WrapContext& context) {
  const std::string& who = parties.roles.empty() ? parties.own : parties.roles.back().role_arn;
  const cloud::aws::Principal principal = principal_named(who);
  const Kind kind{.on_resource = on_resource,
                  .need_beside = on_resource ? "an IAM policy of " + principal.arn
                                             : "the key policy of " + parties.key_arn,
                  .need_beside_always = !on_resource || !is_of(parties.key_arn, principal.account)};
  std::vector<Foretold> rows;
  const auto add = [&](const char* action, bool needed) {
    cloud::aws::PolicyRequest request{principal, action, parties.key_arn, context_of(principal)};
    request.context.emplace("kms:calleraccount", principal.account);
    if (request.action == "kms:Encrypt" || request.action == "kms:Decrypt") {
      add_encryption_context(context, request.context);
    }
    rows.push_back(judge(policy, request, kind, needed));
  };
  for (const char* action : kNeeded) add(action, true);
  for (const char* action : kTooMuch) add(action, false);
  return rows;
}

tl::unexpected<Error> not_judged(const std::string& why) {
  return tl::unexpected(Error(Fault::configuration, "the policy cannot be judged: " + why));
}

}  // namespace

std::vector<Grant> login_grants(const cloud::aws::RoleHop& role, const std::string& who) {
  const std::string principal = principal_or_placeholder(who);
  const ordered_json trust = {
      {"Effect", "Allow"},
      {"Principal", {{"AWS", principal}}},
      {"Action", "sts:AssumeRole"},
      {"Condition", {{"StringEquals", {{"sts:ExternalId", role.external_id}}}}}};
  const ordered_json may_assume = {
      {"Effect", "Allow"}, {"Action", "sts:AssumeRole"}, {"Resource", role.role_arn}};
  return {{.place = "the trust policy of " + role.role_arn, .text = document_of(trust)},
          {.place = "an IAM policy of " + principal, .text = document_of(may_assume)}};
}

std::vector<Grant> key_grants(const Parties& parties) {
  const std::string who =
      principal_or_placeholder(parties.roles.empty() ? parties.own : parties.roles.back().role_arn);
  const ordered_json statement = {{"Sid", "Keyhold"},
                                  {"Effect", "Allow"},
                                  {"Principal", {{"AWS", who}}},
                                  {"Action", kNeeded},
                                  {"Resource", "*"}};
  return {{.place = "the Statement list of the key policy of " + parties.key_arn,
           .text = statement.dump(2) + "\n"}};
}

Result<std::vector<Foretold>> foretell(const std::string& policy, const Parties& parties,
                                       const WrapContext& context) {
  const bool on_resource = cloud::aws::names_principals(policy);
  if (const auto wrong = cloud::aws::wrong_policy(policy, on_resource)) return not_judged(*wrong);
  if (cloud::aws::has_variables(policy)) return not_judged("it has policy variables, ${…}");
  if (!cloud::aws::speaks_of(policy, "sts")) {
    if (cloud::aws::names_no_resource(policy)) return not_judged("a statement has no Resource");
    return of_key(policy, parties, on_resource, context);
  }
  if (!on_resource) {
    return not_judged("an IAM policy of the cluster's own principal is judged by IAM alone");
  }
  if (parties.roles.empty()) return not_judged("it is a trust policy, and no role is assumed");
  return of_trust(policy, parties);
}

}  // namespace keyhold::kms::aws
