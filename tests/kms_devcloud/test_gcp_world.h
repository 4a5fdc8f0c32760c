// A customer's Google Cloud on devcloud, and a cluster that they let in.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cloud/test_environment.h"
#include "kms/gcp/client.h"
#include "kms/test_kms_adapter.h"
#include "test_devcloud.h"

namespace keyhold::kms {

inline constexpr const char* kGcpRing = "projects/customer/locations/global/keyRings/keyhold";
inline constexpr const char* kGcpAdmin = "admin@customer.iam.gserviceaccount.com";
inline constexpr const char* kGcpAccount = "keyhold@customer.iam.gserviceaccount.com";
inline constexpr const char* kGcpCluster = "cluster-1@operator.iam.gserviceaccount.com";

// Its key ring, its service account, which the cluster's own account may be.
class GcpWorld final : public KmsAdapter {
 public:
  using Json = nlohmann::json;

  GcpWorld() {
    gcp("account", {{"email", kGcpAdmin}, {"project", "customer"}});
    gcp("account", {{"email", kGcpAccount}, {"project", "customer"}});
    const Json key = gcp("account", {{"email", kGcpCluster}, {"project", "operator"}});
    gcp("ring", {{"name", kGcpRing}});
    token_ = gcp("token", {{"email", kGcpAdmin}})["access_token"];
    let({kGcpCluster});
    grant(kGcpRing, {{"roles/cloudkms.admin", kGcpAdmin},
                     {"roles/cloudkms.viewer", kGcpAccount},
                     {"roles/cloudkms.cryptoKeyEncrypterDecrypter", kGcpAccount}});
    environment_.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/account.json";
    environment_.variables["CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"] = cloud_.https();
    environment_.files["/account.json"] = Json{
        {"type", "service_account"},
        {"client_email", kGcpCluster},
        {"private_key_id", key["private_key_id"]},
        {"private_key", key["private_key"]},
        {"token_uri",
         cloud_.https() + "/token"}}.dump();
  }

  [[nodiscard]] const Clock& clock() const override {
    return const_cast<TestDevcloud&>(cloud_).clock();
  }
  KeySpec create_key(const std::string& name) override {
    must("POST", std::string(kGcpRing) + "/cryptoKeys?cryptoKeyId=" + name,
         {{"purpose", "ENCRYPT_DECRYPT"}});
    return spec(name);
  }
  // Its cluster sends its logins there instead of to the cloud itself.
  void log_in_through(const std::string& origin) {
    Json account = Json::parse(environment_.files["/account.json"]);
    account["token_uri"] = origin + "/token";
    environment_.files["/account.json"] = account.dump();
    environment_.variables["CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"] = origin;
  }
  KeySpec missing_key() override { return spec("missing"); }
  void disable(const std::string& name) override { set_state(name, "DISABLED"); }
  void enable(const std::string& name) override { set_state(name, "ENABLED"); }
  void rotate(const std::string& name) override {
    must("POST", path(name) + "/cryptoKeyVersions", Json::object());
    must("POST", path(name) + ":updatePrimaryVersion", {{"cryptoKeyVersionId", "2"}});
  }
  void schedule_deletion(const std::string& name) override {
    must("POST", version(name) + ":destroy", Json::object());
  }
  void cancel_deletion(const std::string& name) override {
    must("POST", version(name) + ":restore", Json::object());
  }
  void pass_deletion_date() override { cloud_.clock().move(std::chrono::days(31)); }
  Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) override {
    return GcpClient::create(spec, environment_, clock(), crypto::system_random());
  }

  Json gcp(const std::string& command, const Json& arguments) {
    return cloud_.must("POST", "gcp/" + command, arguments);
  }
  void grant(const std::string& resource,
             const std::vector<std::pair<std::string, std::string>>& grants) {
    Json bindings = Json::array();
    for (const auto& [role, email] : grants) {
      bindings.push_back({{"role", role}, {"members", {"serviceAccount:" + email}}});
    }
    gcp("set-policy", {{"resource", resource}, {"bindings", bindings}});
  }
  // Who may make tokens of the customer's account.
  void let(const std::vector<std::string>& emails) {
    std::vector<std::pair<std::string, std::string>> grants;
    for (const auto& email : emails)
      grants.emplace_back("roles/iam.serviceAccountTokenCreator", email);
    grant(std::string("serviceAccounts/") + kGcpAccount, grants);
  }
  void set_disabled(const char* email, bool disabled) {
    gcp("set-account", {{"email", email}, {"disabled", disabled}});
  }
  TestDevcloud& cloud() { return cloud_; }
  cloud::TestEnvironment& environment() { return environment_; }
  // Another client of a key: one without any token yet.
  std::unique_ptr<Client> client(const std::string& name) {
    return make_client(spec(name)).value();
  }

 private:
  [[nodiscard]] static std::string path(const std::string& name) {
    return std::string(kGcpRing) + "/cryptoKeys/" + name;
  }
  [[nodiscard]] static std::string version(const std::string& name) {
    return path(name) + "/cryptoKeyVersions/1";
  }
  [[nodiscard]] KeySpec spec(const std::string& name) const {
    KeySpec spec;
    spec.type = KeyType::gcp_cloud_kms;
    spec.uri = KeyUri(path(name));
    spec.auth_principal = AuthPrincipal(kGcpAccount);
    spec.endpoint = cloud_.https();
    spec.ca_file = cloud_.ca_file();
    return spec;
  }
  void set_state(const std::string& name, const std::string& state) {
    must("PATCH", version(name) + "?updateMask=state", {{"state", state}});
  }
  void must(const std::string& method, const std::string& target, const Json& body) {
    net::HttpOptions options;
    options.ca_file = cloud_.ca_file();
    token_ = gcp("token", {{"email", kGcpAdmin}})["access_token"];
    net::HttpRequest request;
    request.method = method;
    request.url = cloud_.https() + "/v1/" + target;
    request.headers = {{"Authorization", "Bearer " + token_}};
    request.body = WipedString(body.dump());
    const auto response =
        net::HttpClient(system_clock(), options)
            .send(request, Deadline::after(system_clock(), std::chrono::seconds(20)));
    ASSERT_TRUE(response.has_value()) << response.error().message();
    EXPECT_EQ(response->status, 200) << target << ": " << std::string_view(response->body);
  }

  TestDevcloud cloud_;
  cloud::TestEnvironment environment_;
  std::string token_;
};

}  // namespace keyhold::kms
