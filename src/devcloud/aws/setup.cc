// All that one Keyhold cluster needs of the customer's AWS and its operator's, in one command: two
// accounts, the cluster's own principal, the customer's key, and the role between them, which only
// that principal can assume, and only with the organization's id as external id.
#include <nlohmann/json.hpp>

#include "devcloud/aws/administration.h"
#include "devcloud/aws/arn.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr const char* kOperator = "operator";
constexpr const char* kCustomer = "customer";

json document(const json& statement) {
  return {{"Version", "2012-10-17"}, {"Statement", json::array({statement})}};
}

json trust_of(const std::string& principal, const std::string& org) {
  return document({{"Effect", "Allow"},
                   {"Principal", {{"AWS", principal}}},
                   {"Action", "sts:AssumeRole"},
                   {"Condition", {{"StringEquals", {{"sts:ExternalId", org}}}}}});
}

json may_assume(const std::string& role) {
  return document({{"Effect", "Allow"}, {"Action", "sts:AssumeRole"}, {"Resource", role}});
}

json key_statement(const char* sid, const std::string& principal, const json& actions) {
  return {{"Sid", sid},
          {"Effect", "Allow"},
          {"Principal", {{"AWS", principal}}},
          {"Action", actions},
          {"Resource", "*"}};
}

// The customer administers; the role uses.
json key_policy(const std::string& account, const std::string& role) {
  const json uses = json::array(
      {"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:DescribeKey"});
  return {{"Version", "2012-10-17"},
          {"Statement", json::array({key_statement("Administer", root_arn(account), "kms:*"),
                                     key_statement("Keyhold", role, uses)})}};
}

}  // namespace

Result<std::string> Administration::account_named(const std::string& name) const {
  for (const auto& [id, account] : versions_->newest()->accounts) {
    if (account.name == name) return id;
  }
  KEYHOLD_TRY_ASSIGN(const json made, create_account({{"name", name}}));
  return made.at("account").get<std::string>();
}

Result<json> Administration::setup(const json& given) const {
  const std::string org = given.value("org", "");
  const std::string name = given.value("name", "keyhold");
  const std::string region = given.value("region", "us-east-1");
  if (org.empty()) return fail(Code::invalid_argument, "org is missing");
  const json replicas = given.value("replicas", json::array());
  KEYHOLD_TRY_ASSIGN(const std::string operator_id, account_named(kOperator));
  KEYHOLD_TRY_ASSIGN(const std::string customer_id, account_named(kCustomer));
  const std::string role = role_arn(customer_id, name);
  KEYHOLD_TRY_ASSIGN(
      const json user,
      create_user({{"account", operator_id}, {"name", name}, {"policy", may_assume(role)}}));
  const std::string principal = user.at("arn").get<std::string>();
  KEYHOLD_TRY_ASSIGN(const json credentials, create_access_key({{"principal", principal}}));
  KEYHOLD_TRY(
      create_role({{"account", customer_id}, {"name", name}, {"trust", trust_of(principal, org)}}));
  const json policy = key_policy(customer_id, role);
  KEYHOLD_TRY_ASSIGN(const json key, run_kms(customer_id, region, "CreateKey",
                                             {{"Description", name},
                                              {"MultiRegion", !replicas.empty()},
                                              {"Policy", policy.dump()}}));
  const std::string arn = key.at("KeyMetadata").at("Arn").get<std::string>();
  for (const json& replica : replicas) {
    KEYHOLD_TRY(run_kms(customer_id, region, "ReplicateKey",
                        {{"KeyId", arn}, {"ReplicaRegion", replica}, {"Policy", policy.dump()}}));
  }
  return json{{"key_uri", arn},
              {"auth_principal", role},
              {"external_id", org},
              {"region", region},
              {"customer_account", customer_id},
              {"operator_account", operator_id},
              {"access_key_id", credentials.at("access_key_id")},
              {"secret_access_key", credentials.at("secret_access_key")}};
}

}  // namespace keyhold::devcloud::aws
