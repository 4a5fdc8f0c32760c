// One test a row of the taxonomy (docs/kms/aws.md).
#include "kms/aws/messages/faults.h"

#include <gtest/gtest.h>

#include "base/timestamp.h"

namespace keyhold::kms::aws {
namespace {

const WallTime kNow = *parse_timestamp("2026-03-01T09:30:00.000Z");
const std::string kStep = "kms:Decrypt arn:k";

net::HttpResponse response(int status, const std::string& body) {
  return {.status = status,
          .headers = {{"x-amzn-requestid", "req-1"}, {"date", "Sun, 01 Mar 2026 09:19:40 GMT"}},
          .body = WipedString(body.begin(), body.end())};
}
std::string refusal(const std::string& code, const std::string& message) {
  return "{\"__type\":\"" + code + "\",\"message\":\"" + message + "\"}";
}

struct Row {
  const char* name;
  const char* code;
  const char* message;
  int status;
  Fault fault;
};

class AwsTaxonomy : public testing::TestWithParam<Row> {};

TEST_P(AwsTaxonomy, CodeMeans) {
  const Row& row = GetParam();
  for (const std::string& code :
       {std::string(row.code), "com.amazonaws.kms#" + std::string(row.code)}) {
    const Error error = fault_of(kStep, response(row.status, refusal(code, row.message)), kNow);
    EXPECT_EQ(error.fault(), row.fault) << error.message();
    EXPECT_EQ(error.request_id(), "req-1");
    EXPECT_TRUE(error.message().starts_with(kStep + ": " + row.code)) << error.message();
    EXPECT_NE(error.message().find(row.message), std::string::npos);
  }
}

const char* const kState = "KMSInvalidStateException";

INSTANTIATE_TEST_SUITE_P(
    Rows, AwsTaxonomy,
    testing::Values(
        Row{"Disabled", "DisabledException", "arn:k is disabled.", 400, Fault::disabled},
        Row{"PendingDeletion", kState, "arn:k is pending deletion.", 400, Fault::disabled},
        Row{"PendingDeletionAsAState", kState, "key state is PendingDeletion", 400,
            Fault::disabled},
        Row{"PendingReplicaDeletion", kState, "arn:k is pending replica deletion.", 400,
            Fault::disabled},
        Row{"PendingReplicaDeletionAsAState", kState, "state PendingReplicaDeletion", 400,
            Fault::disabled},
        Row{"PendingImport", kState, "arn:k is pending import.", 400, Fault::disabled},
        Row{"PendingImportAsAState", kState, "key state is PendingImport", 400, Fault::disabled},
        Row{"StateDisabled", kState, "arn:k is disabled.", 400, Fault::disabled},
        Row{"Creating", kState, "arn:k is creating.", 400, Fault::unavailable},
        Row{"Updating", kState, "arn:k is updating.", 400, Fault::unavailable},
        Row{"Unavailable", kState, "arn:k is unavailable.", 400, Fault::ambiguous},
        Row{"ExternalKeyStore", kState,
            "The external key store proxy did not respond in the time allotted", 400,
            Fault::ambiguous},
        Row{"NotFound", "NotFoundException", "Key 'arn:k' does not exist", 400, Fault::not_found},
        Row{"AliasNotFound", "NotFoundException", "Alias arn:k is not found.", 400,
            Fault::not_found},
        Row{"AnotherRegion", "NotFoundException", "Invalid arn us-west-2", 400,
            Fault::configuration},
        Row{"AccessDenied", "AccessDeniedException",
            "User: arn:r is not authorized to perform: kms:Decrypt on resource: arn:k because no "
            "resource-based policy allows the kms:Decrypt action",
            400, Fault::denied},
        Row{"AccessDeniedShort", "AccessDenied", "", 403, Fault::denied},
        Row{"VpcEndpoint", "AccessDeniedException",
            "User: arn:r is not authorized to perform: kms:Decrypt with an explicit deny in a VPC "
            "endpoint policy",
            400, Fault::ambiguous},
        Row{"VpcEndpointShort", "AccessDenied", "no VPC endpoint policy allows it", 403,
            Fault::ambiguous},
        Row{"NotAuthorized", "NotAuthorized", "", 400, Fault::denied},
        Row{"InvalidCiphertext", "InvalidCiphertextException", "", 400, Fault::malformed},
        Row{"IncorrectKey", "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
            400, Fault::malformed},
        Row{"InvalidKeyUsage", "InvalidKeyUsageException", "key usage is SIGN_VERIFY", 400,
            Fault::configuration},
        Row{"InvalidArn", "InvalidArnException", "", 400, Fault::configuration},
        Row{"InvalidGrantToken", "InvalidGrantTokenException", "", 400, Fault::configuration},
        Row{"UnsupportedOperation", "UnsupportedOperationException", "", 400, Fault::configuration},
        Row{"ValidationOfTheCiphertext", "ValidationException",
            "Value at 'ciphertextBlob' failed to satisfy constraint", 400, Fault::malformed},
        Row{"Validation", "ValidationException", "Value at 'keyId' failed", 400,
            Fault::configuration},
        Row{"Serialization", "SerializationException", "", 400, Fault::configuration},
        Row{"Throttling", "ThrottlingException", "You have exceeded the rate", 400,
            Fault::throttled},
        Row{"ThrottlingShort", "Throttling", "", 400, Fault::throttled},
        Row{"Limit", "LimitExceededException", "", 400, Fault::throttled},
        Row{"RequestLimit", "RequestLimitExceeded", "", 503, Fault::throttled},
        Row{"TooManyRequests", "TooManyRequestsException", "", 429, Fault::throttled},
        Row{"Internal", "KMSInternalException", "", 500, Fault::unavailable},
        Row{"DependencyTimeout", "DependencyTimeoutException", "", 503, Fault::unavailable},
        Row{"KeyUnavailable", "KeyUnavailableException", "", 500, Fault::unavailable},
        Row{"InternalFailure", "InternalFailure", "", 500, Fault::unavailable},
        Row{"InternalServerError", "InternalServerError", "", 500, Fault::unavailable},
        Row{"ServiceUnavailable", "ServiceUnavailable", "", 503, Fault::unavailable},
        Row{"ServiceUnavailableException", "ServiceUnavailableException", "", 503,
            Fault::unavailable},
        Row{"CloudHsm", "CloudHsmClusterInvalidConfigurationException", "", 400, Fault::ambiguous},
        Row{"CustomKeyStore", "CustomKeyStoreInvalidStateException", "", 400, Fault::ambiguous},
        Row{"Xks", "XksProxyUriUnreachableException", "", 400, Fault::ambiguous},
        Row{"OptIn", "OptInRequired", "", 403, Fault::ambiguous},
        Row{"Subscription", "SubscriptionRequiredException", "", 400, Fault::ambiguous},
        Row{"ExpiredToken", "ExpiredTokenException",
            "The security token included in the request is expired", 400, Fault::unavailable},
        Row{"ExpiredTokenShort", "ExpiredToken", "", 403, Fault::unavailable},
        Row{"RequestExpired", "RequestExpired", "", 400, Fault::unavailable},
        Row{"SignatureExpired", "InvalidSignatureException",
            "Signature expired: 20260301T091940Z is now earlier than", 400, Fault::unavailable},
        Row{"SignatureEarly", "InvalidSignatureException", "Signature not yet current: x", 400,
            Fault::unavailable},
        Row{"Signature", "InvalidSignatureException",
            "The request signature we calculated does not match", 400, Fault::configuration},
        Row{"SignatureMismatchExpired", "SignatureDoesNotMatch", "Signature expired: x", 403,
            Fault::unavailable},
        Row{"SignatureMismatchEarly", "SignatureDoesNotMatch", "Signature not yet current: x", 403,
            Fault::unavailable},
        Row{"SignatureMismatch", "SignatureDoesNotMatch", "", 403, Fault::configuration},
        Row{"UnrecognizedClient", "UnrecognizedClientException",
            "The security token included in the request is invalid.", 400, Fault::configuration},
        Row{"InvalidClientToken", "InvalidClientTokenId", "", 403, Fault::configuration},
        Row{"IncompleteSignature", "IncompleteSignatureException", "", 400, Fault::configuration},
        Row{"MissingToken", "MissingAuthenticationTokenException", "", 400, Fault::configuration},
        Row{"NewCode", "SomethingNewException", "", 400, Fault::configuration},
        Row{"NewCodeOfABrokenService", "SomethingNewException", "", 502, Fault::unavailable},
        Row{"DenialOfABrokenService", "DisabledException", "", 500, Fault::unavailable},
        Row{"DenialWithARedirect", "AccessDeniedException", "", 301, Fault::unavailable}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(AwsTaxonomy, WhatIsNotKmssAnswerIsAnOutageWhateverItsStatus) {
  for (const int status : {204, 301, 307, 400, 403, 404, 500, 502}) {
    for (const std::string body :
         {"", "<html>AccessDeniedException</html>", "{\"__type\":\"DisabledExcep", "[]", "null",
          "{\"message\":\"AccessDeniedException\"}", "{\"__type\":7}", "{\"__type\":\"\"}"}) {
      EXPECT_EQ(fault_of(kStep, response(status, body), kNow).fault(), Fault::unavailable)
          << status << body;
    }
  }
  EXPECT_EQ(fault_of(kStep, response(429, "<html>"), kNow).fault(), Fault::throttled);
  EXPECT_NE(fault_of(kStep, response(302, ""), kNow).message().find("redirect"), std::string::npos);
}

TEST(AwsTaxonomy, ASkewedClockIsTold) {
  const Error error = fault_of(
      kStep, response(400, refusal("InvalidSignatureException", "Signature not yet current: x")),
      kNow);
  EXPECT_NE(error.message().find("this machine's clock is 620 s ahead of AWS's"), std::string::npos)
      << error.message();
}

TEST(AwsTaxonomy, WhatKmsSaysIsBoundedAndPrintable) {
  const Error error = fault_of(
      kStep, response(400, refusal("DisabledException", std::string(5000, 'm') + "\\n\\u0007")),
      kNow);
  EXPECT_LT(error.message().size(), 800U);
  const Error odd = fault_of(kStep, response(400, refusal("A\\n\\u0001B", "")), kNow);
  EXPECT_EQ(odd.message().find('\n'), std::string::npos);
}

TEST(AwsTaxonomy, OnlyCredentialsAreBlamedForCredentials) {
  const auto blames = [](const std::string& code, const std::string& message) {
    return blames_credentials(response(400, refusal(code, message)));
  };
  EXPECT_TRUE(blames("ExpiredTokenException", ""));
  EXPECT_TRUE(blames("UnrecognizedClientException", ""));
  EXPECT_TRUE(blames("InvalidSignatureException", "does not match"));
  EXPECT_FALSE(blames("InvalidSignatureException", "Signature expired: x"));
  EXPECT_FALSE(blames("AccessDeniedException", ""));
  EXPECT_FALSE(blames_credentials(response(403, "<html>")));
}

TEST(AwsTaxonomy, ALoginsRefusalIsAsEvidentAsTheKeys) {
  using cloud::aws::Refusal;
  const auto fault = [](Refusal refusal) {
    return fault_of_login({.refusal = refusal, .message = "m", .request_id = "r"}).fault();
  };
  EXPECT_EQ(fault(Refusal::denied), Fault::denied);
  EXPECT_EQ(fault(Refusal::ambiguous), Fault::ambiguous);
  EXPECT_EQ(fault(Refusal::throttled), Fault::throttled);
  EXPECT_EQ(fault(Refusal::unavailable), Fault::unavailable);
  EXPECT_EQ(fault(Refusal::configuration), Fault::configuration);
  EXPECT_EQ(
      fault_of_login({.refusal = Refusal::denied, .message = "m", .request_id = "r"}).request_id(),
      "r");
}

TEST(AwsTaxonomy, OnlySymmetricKeysForEncryptionWillDo) {
  KeyMetadata key;
  key.arn = "arn:k";
  EXPECT_TRUE(check_key_type(key).has_value());
  key.usage = "ENCRYPT_DECRYPT";
  key.key_spec = "SYMMETRIC_DEFAULT";
  EXPECT_TRUE(check_key_type(key).has_value());
  key.key_spec = "RSA_4096";
  EXPECT_EQ(check_key_type(key).error().fault(), Fault::configuration);
  key.key_spec = "HMAC_256";
  key.usage = "GENERATE_VERIFY_MAC";
  EXPECT_NE(check_key_type(key).error().message().find("HMAC_256 for GENERATE_VERIFY_MAC"),
            std::string::npos);
}

}  // namespace
}  // namespace keyhold::kms::aws
