// The suite of all providers: against the strict stand-in of test_google.h, and against whatever
// Cloud KMS the environment names (devcloud's, Google's):
//   KEYHOLD_TEST_GCP_KEYRING      projects/…/keyRings/R, in which the tests make keys
//   KEYHOLD_TEST_GCP_ADMIN_TOKEN  an access token that may administer it
//   KEYHOLD_TEST_GCP_PRINCIPAL    the service account to impersonate (may be empty)
//   KEYHOLD_TEST_GCP_ENDPOINT, KEYHOLD_TEST_GCP_CA   of Cloud KMS, where it is not Google's
// The cluster's own credentials come from where Google's tools look
// (GOOGLE_APPLICATION_CREDENTIALS).
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "base/test_immortal.h"
#include "cloud/environment.h"
#include "cloud/test_environment.h"
#include "crypto/test_rsa_key.h"
#include "kms/gcp/client.h"
#include "kms/gcp/test_google.h"
#include "kms/kms_conformance.h"

namespace keyhold::kms {
namespace {

using Json = nlohmann::json;

// A key ring, and who may administer it.
struct Ring {
  std::string name;
  std::string endpoint;
  std::string ca_file;
  std::string principal;
  std::string admin_token;
};

class GcpAdapter : public KmsAdapter {
 public:
  GcpAdapter(Ring ring, const cloud::Environment& environment, const Clock& clock)
      : ring_(std::move(ring)), environment_(&environment), clock_(&clock) {
    std::array<std::uint8_t, 4> bytes{};
    crypto::system_random().fill(bytes);
    run_ = to_hex(bytes);  // a key of Google's is never gone: no name is taken twice
  }

  [[nodiscard]] const Clock& clock() const override { return *clock_; }
  KeySpec create_key(const std::string& name) override {
    must("POST", ring_.name + "/cryptoKeys?cryptoKeyId=" + id(name),
         {{"purpose", "ENCRYPT_DECRYPT"}});
    return spec(name);
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
  void pass_deletion_date() override { ADD_FAILURE() << "nobody moves Google's clock"; }
  Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) override {
    return GcpClient::create(spec, *environment_, *clock_, crypto::system_random());
  }
  [[nodiscard]] std::string lacks(const std::string& test) const override {
    return test == "DestroyedKeyIsNotFound" ? "a destruction takes a day at least" : "";
  }

 private:
  [[nodiscard]] std::string id(const std::string& name) const { return name + "-" + run_; }
  [[nodiscard]] std::string path(const std::string& name) const {
    return ring_.name + "/cryptoKeys/" + id(name);
  }
  [[nodiscard]] std::string version(const std::string& name) const {
    return path(name) + "/cryptoKeyVersions/1";
  }
  [[nodiscard]] KeySpec spec(const std::string& name) const {
    KeySpec spec;
    spec.type = KeyType::gcp_cloud_kms;
    spec.uri = KeyUri(path(name));
    spec.auth_principal = AuthPrincipal(ring_.principal);
    spec.endpoint = ring_.endpoint;
    spec.ca_file = ring_.ca_file;
    return spec;
  }
  void set_state(const std::string& name, const std::string& state) {
    must("PATCH", version(name) + "?updateMask=state", {{"state", state}});
  }
  void must(const std::string& method, const std::string& path, const Json& body) {
    net::HttpOptions options;
    options.ca_file = ring_.ca_file;
    const std::string endpoint =
        ring_.endpoint.empty() ? "https://cloudkms.googleapis.com" : ring_.endpoint;
    const auto response =
        net::shared_http_client(system_clock(), options)
            ->send({.method = method,
                    .url = endpoint + "/v1/" + path,
                    .headers = {{.name = "Authorization", .value = "Bearer " + ring_.admin_token},
                                {.name = "Content-Type", .value = "application/json"}},
                    .body = WipedString(body.dump())},
                   Deadline::after(system_clock(), std::chrono::seconds(20)));
    ASSERT_TRUE(response.has_value()) << response.error().message();
    EXPECT_EQ(response->status, 200) << path << ": " << std::string(response->body);
  }

  const Ring ring_;
  const cloud::Environment* environment_;
  const Clock* clock_;
  std::string run_;
};

// The wall's hands are moved: for dates of deletion.
class MovableWall final : public Clock {
 public:
  [[nodiscard]] BootTime boot_now() const override { return system_clock().boot_now(); }
  [[nodiscard]] WallTime wall_now() const override { return system_clock().wall_now() + by_; }
  std::chrono::days by_{0};
};

struct StandIn {
  // Never destroyed: connections are shared for the life of the process.
  MovableWall& clock = immortal<MovableWall>();
  gcp::TestGoogle google{clock};
  cloud::TestEnvironment environment;
};

class StandInAdapter final : private StandIn, public GcpAdapter {
 public:
  StandInAdapter()
      : GcpAdapter({.name = gcp::TestGoogle::kRing,
                    .endpoint = google.url(),
                    .ca_file = {},
                    .principal = gcp::TestGoogle::kAccount,
                    .admin_token = gcp::TestGoogle::kAdminToken},
                   environment, StandIn::clock) {
    environment.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/account.json";
    environment.variables["CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"] = google.url();
    environment.files["/account.json"] = google.credential_file(crypto::test_rsa_key());
  }
  [[nodiscard]] const Clock& clock() const override { return StandIn::clock; }
  void pass_deletion_date() override { StandIn::clock.by_ = std::chrono::days(31); }
  [[nodiscard]] std::string lacks(const std::string&) const override { return {}; }
};

std::unique_ptr<KmsAdapter> stand_in() {
  return std::make_unique<StandInAdapter>();
}

std::unique_ptr<KmsAdapter> from_environment() {
  const auto& environment = cloud::process_environment();
  Ring ring{.name = environment.get_or("KEYHOLD_TEST_GCP_KEYRING", ""),
            .endpoint = environment.get_or("KEYHOLD_TEST_GCP_ENDPOINT", ""),
            .ca_file = environment.get_or("KEYHOLD_TEST_GCP_CA", ""),
            .principal = environment.get_or("KEYHOLD_TEST_GCP_PRINCIPAL", ""),
            .admin_token = environment.get_or("KEYHOLD_TEST_GCP_ADMIN_TOKEN", "")};
  if (ring.name.empty()) return nullptr;
  return std::make_unique<GcpAdapter>(std::move(ring), environment, system_clock());
}

INSTANTIATE_TEST_SUITE_P(GcpStandIn, KmsConformance, testing::Values(&stand_in));
INSTANTIATE_TEST_SUITE_P(GcpOfEnvironment, KmsConformance, testing::Values(&from_environment));

}  // namespace
}  // namespace keyhold::kms
