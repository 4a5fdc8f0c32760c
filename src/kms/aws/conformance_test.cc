// The suite of all providers: against moto, as far as moto goes, and against whatever AWS the
// environment names (devcloud's, Amazon's):
//   KEYHOLD_TEST_AWS_ACCOUNT       the account in which the tests make keys
//   KEYHOLD_TEST_AWS_ADMIN_ACCESS_KEY_ID, …_ADMIN_SECRET_ACCESS_KEY, …_ADMIN_SESSION_TOKEN
//                                  who may administer its keys
//   KEYHOLD_TEST_AWS_PRINCIPAL     the role that the cluster assumes (may be empty)
//   KEYHOLD_TEST_AWS_ORG           its external id
//   KEYHOLD_TEST_AWS_REGION        us-east-1 where it is not set
//   KEYHOLD_TEST_AWS_ENDPOINT, KEYHOLD_TEST_AWS_CA   of KMS, where it is not Amazon's
// The cluster's own credentials come from where AWS's tools look (AWS_ACCESS_KEY_ID, AWS_PROFILE,
// …), STS from AWS_ENDPOINT_URL_STS where it is not Amazon's.
#include "cloud/environment.h"
#include "cloud/test_environment.h"
#include "kms/aws/test_adapter.h"
#include "kms/aws/test_moto.h"
#include "kms/kms_conformance.h"

namespace keyhold::kms {
namespace {

using aws::Account;
using aws::AwsAdapter;
using aws::Moto;

const cloud::aws::Credentials kAnybody{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                                       .secret_access_key = "anything, moto does not look",
                                       .session_token = {},
                                       .expires_at = {}};

cloud::TestEnvironment& moto_environment() {
  static auto& environment = *new cloud::TestEnvironment;
  environment.variables = {{"AWS_ACCESS_KEY_ID", kAnybody.access_key_id},
                           {"AWS_SECRET_ACCESS_KEY", "anything"},
                           {"AWS_ENDPOINT_URL_STS", Moto::shared().url()}};
  return environment;
}

// moto 5.2: the wire format, and keys that are never refused.
class MotoAdapter final : public AwsAdapter {
 public:
  MotoAdapter()
      : AwsAdapter({.id = "123456789012",
                    .region = "us-east-1",
                    .endpoint = Moto::shared().url(),
                    .ca_file = {},
                    .principal = "arn:aws:iam::123456789012:role/keyhold",
                    .org = "org-1",
                    .administrator = kAnybody},
                   moto_environment(), system_clock()) {}

  [[nodiscard]] std::string lacks(const std::string& test) const override {
    static const std::map<std::string, std::string> reasons = {
        {"DisabledKeyRefusesUntilItIsEnabled", "moto decrypts with a disabled key"},
        {"KeyPendingDeletionRefusesUntilItIsCancelledAndEnabled",
         "moto decrypts with a key that is pending deletion"},
        {"AnotherClientOfTheKeyUnwrapsAndSeesItDisabled", "moto decrypts with a disabled key"},
        {"DestroyedKeyIsNotFound", "moto deletes no key"},
        {"RotatedKeyWrapsUnderItsNewVersionAndUnwrapsTheOld", "moto has no key material ids"},
        {"UnwrapOfAnotherKeysCiphertextIsMalformed",
         "moto answers another key's ciphertext with AccessDenied"},
        {"UnwrapOfACiphertextWithAnyByteChangedIsMalformed",
         "moto answers a ciphertext of an unknown key with AccessDenied"}};
    const auto found = reasons.find(test);
    return found == reasons.end() ? "" : found->second;
  }
};

std::unique_ptr<KmsAdapter> moto() {
  if (!Moto::installed()) return nullptr;
  return std::make_unique<MotoAdapter>();
}

std::unique_ptr<KmsAdapter> from_environment() {
  const auto& environment = cloud::process_environment();
  const auto value = [&](const std::string& name) {
    return environment.get_or("KEYHOLD_TEST_AWS_" + name, "");
  };
  const auto secret = [&](const std::string& name) {
    return environment.get_secret("KEYHOLD_TEST_AWS_" + name).value_or(WipedString());
  };
  Account account{.id = value("ACCOUNT"),
                  .region = environment.get_or("KEYHOLD_TEST_AWS_REGION", "us-east-1"),
                  .endpoint = value("ENDPOINT"),
                  .ca_file = value("CA"),
                  .principal = value("PRINCIPAL"),
                  .org = value("ORG"),
                  .administrator = {.access_key_id = value("ADMIN_ACCESS_KEY_ID"),
                                    .secret_access_key = secret("ADMIN_SECRET_ACCESS_KEY"),
                                    .session_token = secret("ADMIN_SESSION_TOKEN"),
                                    .expires_at = {}}};
  if (account.id.empty()) return nullptr;
  return std::make_unique<AwsAdapter>(std::move(account), environment, system_clock());
}

INSTANTIATE_TEST_SUITE_P(Moto, KmsConformance, testing::Values(&moto));
INSTANTIATE_TEST_SUITE_P(AwsOfEnvironment, KmsConformance, testing::Values(&from_environment));

}  // namespace
}  // namespace keyhold::kms
