#include "kms/client.h"

#include <gtest/gtest.h>

namespace keyhold::kms {
namespace {

Result<std::unique_ptr<Client>> make(KeyType type, std::string uri) {
  KeySpec spec;
  spec.type = type;
  spec.uri = KeyUri(std::move(uri));
  return make_client(spec, {}, system_clock(), crypto::system_random());
}

TEST(MakeClient, LocalSpecGivesAClientWithoutARequest) {
  const auto client = make(KeyType::local, "local:///nowhere/at/all/orders");
  ASSERT_TRUE(client.has_value());
  EXPECT_EQ((*client)->spec().uri.str(), "local:///nowhere/at/all/orders");
}

TEST(MakeClient, UriOfAnotherProviderIsAConfigurationFaultThatShowsAValidOne) {
  const auto client = make(KeyType::local, "arn:aws:kms:us-east-1:1:key/1");
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().fault(), Fault::configuration);
  EXPECT_NE(client.error().message().find("local:///srv/customer-kms/orders"), std::string::npos);
}

TEST(MakeClient, LocalSpecWithWhatOnlyCloudsHaveIsAConfigurationFault) {
  for (int field = 0; field < 3; ++field) {
    KeySpec spec;
    spec.type = KeyType::local;
    spec.uri = KeyUri("local:///kms/orders");
    if (field == 0) spec.auth_principal = AuthPrincipal("role");
    if (field == 1) spec.endpoint = "https://localhost";
    if (field == 2) spec.ca_file = "/ca.pem";
    const auto client = make_client(spec, {}, system_clock(), crypto::system_random());
    ASSERT_FALSE(client.has_value()) << field;
    EXPECT_EQ(client.error().fault(), Fault::configuration);
  }
}

TEST(MakeClient, CloudsSpecsGiveClientsWithoutARequest) {
  const std::string key = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
  EXPECT_TRUE(make(KeyType::aws_kms, "arn:aws:kms:us-east-1:111122223333:key/1").has_value());
  EXPECT_TRUE(make(KeyType::gcp_cloud_kms, key).has_value());
  EXPECT_TRUE(make(KeyType::vault_transit, "https://vault:8200/v1/transit/keys/k").has_value());
  EXPECT_FALSE(make(KeyType::vault_transit, key).has_value());
}

TEST(MakeClient, TypeThatIsNotBuiltSaysWhichAre) {
  const auto client = make(KeyType::pkcs11, "pkcs11:object=orders");
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().fault(), Fault::configuration);
  EXPECT_EQ(client.error().message().find("this build has no KMS of type PKCS11; it has: "), 0U);
  EXPECT_NE(client.error().message().find("LOCAL"), std::string::npos);
}

}  // namespace
}  // namespace keyhold::kms
