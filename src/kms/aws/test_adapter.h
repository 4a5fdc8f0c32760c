// A customer's AWS KMS for the suite of all providers: administered by signed requests, as an
// account's own people do it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cloud/aws/sigv4.h"
#include "cloud/environment.h"
#include "kms/aws/client.h"
#include "kms/test_kms_adapter.h"
#include "net/http_client.h"

namespace keyhold::kms::aws {

// An account in which keys may be made, and how the cluster comes to it.
struct Account {
  std::string id;  // 12 digits
  std::string region;
  std::string endpoint;  // of KMS
  std::string ca_file;
  std::string principal;  // the role that the cluster assumes; may be empty
  std::string org;        // its external id
  cloud::aws::Credentials administrator;
};

class AwsAdapter : public KmsAdapter {
 public:
  using Json = nlohmann::json;

  // Both live as long as the process (connections are shared).
  AwsAdapter(Account account, const cloud::Environment& environment, const Clock& clock)
      : account_(std::move(account)), environment_(&environment), clock_(&clock) {}

  [[nodiscard]] const Clock& clock() const override { return *clock_; }
  KeySpec create_key(const std::string& name) override {
    Json input = {{"Description", "keyhold test " + name}};
    if (!account_.principal.empty()) input["Policy"] = policy().dump();
    const Json made = must("CreateKey", input);
    arns_[name] = made["KeyMetadata"]["Arn"].get<std::string>();
    return spec(arns_[name]);
  }
  KeySpec missing_key() override {
    return spec("arn:aws:kms:" + account_.region + ":" + account_.id +
                ":key/00000000-1111-2222-3333-444444444444");
  }
  void disable(const std::string& name) override { must("DisableKey", key(name)); }
  void enable(const std::string& name) override { must("EnableKey", key(name)); }
  void rotate(const std::string& name) override { must("RotateKeyOnDemand", key(name)); }
  void schedule_deletion(const std::string& name) override {
    Json input = key(name);
    input["PendingWindowInDays"] = 7;
    must("ScheduleKeyDeletion", input);
  }
  void cancel_deletion(const std::string& name) override { must("CancelKeyDeletion", key(name)); }
  void pass_deletion_date() override { ADD_FAILURE() << "nobody moves AWS's clock"; }
  Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) override {
    return AwsClient::create(spec,
                             {.org = OrgId(account_.org),
                              .cluster = ClusterId("orders"),
                              .region = RegionName(account_.region)},
                             *environment_, *clock_);
  }
  [[nodiscard]] std::string lacks(const std::string& test) const override {
    return test == "DestroyedKeyIsNotFound" ? "a deletion takes seven days at least" : "";
  }

 protected:
  [[nodiscard]] KeySpec spec(const std::string& arn) const {
    KeySpec spec;
    spec.type = KeyType::aws_kms;
    spec.uri = KeyUri(arn);
    spec.auth_principal = AuthPrincipal(account_.principal);
    spec.endpoint = account_.endpoint;
    spec.ca_file = account_.ca_file;
    return spec;
  }
  // By its id: moto takes no ARN here.
  [[nodiscard]] Json key(const std::string& name) const {
    const std::string& arn = arns_.at(name);
    return {{"KeyId", arn.substr(arn.rfind('/') + 1)}};
  }

  // A refusal is a failure of the test.
  Json must(const std::string& action, const Json& input) {
    const std::string endpoint = endpoint_in(account_.endpoint, account_.region, false);
    net::HttpRequest request{.method = "POST",
                             .url = endpoint + "/",
                             .headers = {{"Content-Type", "application/x-amz-json-1.1"},
                                         {"X-Amz-Target", "TrentService." + action}},
                             .body = WipedString(input.dump())};
    cloud::aws::sign(request, account_.administrator,
                     {.region = account_.region, .service = "kms", .at = clock_->wall_now()});
    net::HttpOptions options;
    options.ca_file = account_.ca_file;
    const auto response =
        net::shared_http_client(system_clock(), options)
            ->send(request, Deadline::after(system_clock(), std::chrono::seconds(20)));
    EXPECT_TRUE(response.has_value()) << response.error().message();
    if (!response) return {};
    EXPECT_EQ(response->status, 200) << action << ": " << std::string_view(response->body);
    return Json::parse(response->body, nullptr, false);
  }

 private:
  static Json statement(const std::string& principal, const Json& actions) {
    return {{"Effect", "Allow"},
            {"Principal", {{"AWS", principal}}},
            {"Action", actions},
            {"Resource", "*"}};
  }
  // The account administers; the role uses.
  [[nodiscard]] Json policy() const {
    return {{"Version", "2012-10-17"},
            {"Statement", Json::array({statement("arn:aws:iam::" + account_.id + ":root", "kms:*"),
                                       statement(account_.principal, {"kms:Encrypt", "kms:Decrypt",
                                                                      "kms:DescribeKey"})})}};
  }

  const Account account_;
  const cloud::Environment* environment_;
  const Clock* clock_;
  std::map<std::string, std::string> arns_;
};

}  // namespace keyhold::kms::aws
