// A key whose material the customer brings (origin EXTERNAL), as AWS KMS has it.
#include "crypto/test_rsa_oaep.h"
#include "kms/check.h"
#include "test_aws_revocation.h"

namespace keyhold::kms {
namespace {

using Json = nlohmann::json;

class AwsImported : public AwsRevocation {
 protected:
  AwsImported() {
    const Json policy = world_.on_key("GetKeyPolicy");
    const Json made =
        world_.on_key("CreateKey", {{"Origin", "EXTERNAL"}, {"Policy", policy["Policy"]}});
    arn_ = made["KeyMetadata"]["Arn"];
    spec_.uri = KeyUri(arn_);
  }
  Json on_imported(const std::string& operation, Json input = Json::object()) {
    input["KeyId"] = arn_;
    return world_.cloud().aws("key", {{"key", arn_}, {"operation", operation}, {"input", input}});
  }
  // Until `valid_to`, in seconds since 1970; 0: for ever.
  void import_material(double valid_to = 0) {
    const Json parameters =
        on_imported("GetParametersForImport",
                    {{"WrappingAlgorithm", "RSAES_OAEP_SHA_256"}, {"WrappingKeySpec", "RSA_2048"}});
    const auto public_key = from_base64(parameters["PublicKey"].get<std::string>());
    ASSERT_TRUE(public_key);
    const ByteVector brought(32, 0x5a);
    Json input = {
        {"ImportToken", parameters["ImportToken"]},
        {"EncryptedKeyMaterial", to_base64(crypto::encrypt_oaep(*public_key, brought, "SHA256"))},
        {"ExpirationModel",
         valid_to > 0 ? "KEY_MATERIAL_EXPIRES" : "KEY_MATERIAL_DOES_NOT_EXPIRE"}};
    if (valid_to > 0) input["ValidTo"] = valid_to;
    on_imported("ImportKeyMaterial", input);
  }
  double in_an_hour() {
    return std::chrono::duration<double>(
               (world_.cloud().clock().wall_now() + std::chrono::hours(1)).time_since_epoch())
        .count();
  }
  CheckReport check() {
    const auto client = client_for(kOrg);
    WrapContext context;
    context.org = OrgId(kOrg);
    return check_key(*client, context, world_.cloud().clock(), crypto::system_random(),
                     std::chrono::seconds(20));
  }

  std::string arn_;
};

TEST_F(AwsImported, MaterialThatIsDeletedIsADenialUntilItIsBroughtAgain) {
  import_material();
  wrap();
  on_imported("DeleteImportedKeyMaterial");
  expect_probe(Fault::disabled, "pending import");
  const auto described = client_->describe(soon());
  ASSERT_TRUE(described.has_value());
  EXPECT_EQ(described->state, KeyState::disabled);
  EXPECT_EQ(described->kms_state, "PendingImport");
  import_material();
  EXPECT_TRUE(probe().has_value());
}

TEST_F(AwsImported, MaterialThatExpiresIsADenialFromThenOn) {
  import_material(in_an_hour());
  wrap();
  // Of the whole cloud, so that signatures stay in time.
  world_.cloud().clock().move(std::chrono::hours(2));
  client_ = client_for(kOrg);
  expect_probe(Fault::disabled, "pending import");
}

TEST_F(AwsImported, ACheckWarnsOfAnExpiryAndOfADeletionAtOnce) {
  import_material(in_an_hour());
  const CheckReport report = check();
  EXPECT_FALSE(report.failure);
  ASSERT_EQ(report.warnings.size(), 2U);
  EXPECT_NE(report.warnings[0].find("expires on 20"), std::string::npos);
  EXPECT_NE(report.warnings[1].find("deleted at once"), std::string::npos);
}

TEST_F(AwsImported, ACheckTellsAKeyWithoutMaterial) {
  const CheckReport report = check();
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->fault(), Fault::disabled);
  EXPECT_NE(report.steps[2].detail.find("PendingImport"), std::string::npos);
}

}  // namespace
}  // namespace keyhold::kms
