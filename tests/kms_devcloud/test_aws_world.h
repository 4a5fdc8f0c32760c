// A customer's AWS on devcloud, and a cluster that they let in.
#pragma once

#include <string>
#include <vector>

#include "cloud/test_environment.h"
#include "kms/aws/test_adapter.h"
#include "test_devcloud.h"

namespace keyhold::kms {

// A customer's account and an operator's; the cluster's own credentials in an environment.
class AwsWorld {
 public:
  using Json = nlohmann::json;

  explicit AwsWorld(std::string org, const std::vector<std::string>& replicas = {})
      : org_(std::move(org)) {
    setup_ = cloud_.aws("setup", {{"org", org_}, {"name", "keyhold"}, {"replicas", replicas}});
    environment_.variables = {{"AWS_ACCESS_KEY_ID", setup_["access_key_id"]},
                              {"AWS_SECRET_ACCESS_KEY", setup_["secret_access_key"]},
                              {"AWS_ENDPOINT_URL_STS", cloud_.https()}};
  }

  TestDevcloud& cloud() { return cloud_; }
  cloud::TestEnvironment& environment() { return environment_; }
  [[nodiscard]] const std::string& org() const { return org_; }
  [[nodiscard]] std::string customer() const { return setup_["customer_account"]; }
  [[nodiscard]] std::string operator_account() const { return setup_["operator_account"]; }
  [[nodiscard]] std::string role() const { return setup_["auth_principal"]; }
  [[nodiscard]] std::string key_arn() const { return setup_["key_uri"]; }

  [[nodiscard]] KeySpec spec() const {
    KeySpec spec;
    spec.type = KeyType::aws_kms;
    spec.uri = KeyUri(key_arn());
    spec.auth_principal = AuthPrincipal(role());
    spec.endpoint = cloud_.https();
    spec.ca_file = cloud_.ca_file();
    return spec;
  }
  // In which more keys can be made.
  [[nodiscard]] aws::Account account() {
    const Json root =
        cloud_.aws("create-access-key", {{"principal", "arn:aws:iam::" + customer() + ":root"}});
    return {.id = customer(),
            .region = setup_["region"],
            .endpoint = cloud_.https(),
            .ca_file = cloud_.ca_file(),
            .principal = role(),
            .org = org_,
            .administrator = {.access_key_id = root["access_key_id"],
                              .secret_access_key = WipedString(
                                  root["secret_access_key"].get_ref<const std::string&>()),
                              .session_token = {},
                              .expires_at = {}}};
  }

  // An operation on the key, as the customer.
  Json on_key(const std::string& operation, Json input = Json::object()) {
    input["KeyId"] = key_arn();
    return cloud_.aws("key",
                      {{"key", key_arn()}, {"operation", operation}, {"input", std::move(input)}});
  }
  // Whether the role lets the cluster in.
  void set_trust(bool trusts) {
    const std::string cluster =
        "arn:aws:iam::" + setup_["operator_account"].get<std::string>() + ":user/keyhold";
    const Json rule =
        trusts ? Json{{"Effect", "Allow"},
                      {"Principal", {{"AWS", cluster}}},
                      {"Action", "sts:AssumeRole"},
                      {"Condition", {{"StringEquals", {{"sts:ExternalId", org_}}}}}}
               : Json{{"Effect", "Deny"}, {"Principal", "*"}, {"Action", "sts:AssumeRole"}};
    const Json trust = {{"Version", "2012-10-17"}, {"Statement", Json::array({rule})}};
    cloud_.aws("put-trust", {{"role", role()}, {"trust", trust}});
  }

 private:
  std::string org_;
  TestDevcloud cloud_;
  Json setup_;
  cloud::TestEnvironment environment_;
};

}  // namespace keyhold::kms
