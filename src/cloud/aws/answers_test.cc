#include "cloud/aws/answers.h"

#include <gtest/gtest.h>

#include "base/timestamp.h"
#include "cloud/aws/requests.h"
#include "cloud/aws/sts_xml.h"
#include "cloud/aws/times.h"

namespace keyhold::cloud::aws {
namespace {

const WallTime kNow = *parse_timestamp("2026-03-01T09:30:00.000Z");

std::string assumed(const std::string& action, const std::string& fields) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n <" +
         action + "Result>\n  <Credentials>" + fields + "</Credentials></" + action +
         "Result>\n</" + action + "Response>";
}

const char* const kFields =
    "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>a/b+c</SecretAccessKey>"
    "<SessionToken>T&amp;==</SessionToken><Expiration>2026-03-01T10:30:00Z</Expiration>";

net::HttpResponse response(int status, const std::string& body) {
  return {.status = status, .headers = {}, .body = WipedString(body.begin(), body.end())};
}

std::string sts_error(const std::string& code, const std::string& message) {
  return "<ErrorResponse "
         "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
         "<Code>" +
         code + "</Code><Message>" + message +
         "</Message></Error><RequestId>req-1</RequestId></ErrorResponse>";
}

TEST(StsAnswer, HoldsCredentials) {
  for (const std::string action : {"AssumeRole", "AssumeRoleWithWebIdentity"}) {
    auto answer = response(200, assumed(action, kFields));
    const auto credentials = parse_sts(answer, "step", kNow);
    ASSERT_TRUE(credentials.has_value()) << credentials.error().message;
    EXPECT_EQ(credentials->access_key_id, "ASIA1");
    EXPECT_EQ(credentials->secret_access_key, "a/b+c");
    EXPECT_EQ(credentials->session_token, "T&==");
    EXPECT_EQ(credentials->expires_at, parse_timestamp("2026-03-01T10:30:00.000Z"));
  }
}

TEST(StsAnswer, OneThatIsNotWholeIsNoAnswer) {
  const std::string whole = assumed("AssumeRole", kFields);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    auto answer = response(200, whole.substr(0, size));
    const auto credentials = parse_sts(answer, "step", kNow);
    ASSERT_FALSE(credentials.has_value()) << size;
    EXPECT_EQ(credentials.error().refusal, Refusal::unavailable);
    EXPECT_EQ(credentials.error().message.find("a/b+c"), std::string::npos);
  }
  auto other = response(200, assumed("GetSessionToken", kFields));
  EXPECT_FALSE(parse_sts(other, "step", kNow).has_value());
}

struct StsRow {
  const char* code;
  const char* message;
  int status;
  Refusal refusal;
};

class StsTaxonomy : public testing::TestWithParam<StsRow> {};

TEST_P(StsTaxonomy, CodeMeans) {
  const StsRow& row = GetParam();
  auto answer = response(row.status, sts_error(row.code, row.message));
  const auto refused = parse_sts(answer, "AssumeRole arn:r", kNow);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().refusal, row.refusal);
  EXPECT_EQ(refused.error().request_id, "req-1");
  EXPECT_TRUE(refused.error().message.starts_with("AssumeRole arn:r: " + std::string(row.code)));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, StsTaxonomy,
    testing::Values(
        StsRow{"AccessDenied",
               "User: arn:aws:iam::1:user/u is not authorized to perform: sts:AssumeRole on "
               "resource: arn:r",
               403, Refusal::denied},
        StsRow{"AccessDenied", "with an explicit deny in a VPC endpoint policy", 403,
               Refusal::ambiguous},
        StsRow{"AccessDeniedException", "", 400, Refusal::denied},
        StsRow{"ExpiredToken", "The security token included in the request is expired", 403,
               Refusal::unavailable},
        StsRow{"ExpiredTokenException", "Token expired: current date/time must be before", 400,
               Refusal::unavailable},
        StsRow{"RequestExpired", "", 400, Refusal::unavailable},
        StsRow{"SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2", 403,
               Refusal::unavailable},
        StsRow{"SignatureDoesNotMatch", "Signature not yet current: 1", 403, Refusal::unavailable},
        StsRow{"SignatureDoesNotMatch", "The request signature we calculated does not match", 403,
               Refusal::configuration},
        StsRow{"InvalidClientTokenId", "The security token included in the request is invalid", 403,
               Refusal::configuration},
        StsRow{"UnrecognizedClientException", "", 400, Refusal::configuration},
        StsRow{"IncompleteSignature", "", 403, Refusal::configuration},
        StsRow{"MissingAuthenticationToken", "", 403, Refusal::configuration},
        StsRow{"InvalidIdentityToken", "", 400, Refusal::configuration},
        StsRow{"IDPRejectedClaim", "", 403, Refusal::configuration},
        StsRow{"IDPCommunicationError", "", 400, Refusal::unavailable},
        StsRow{"RegionDisabledException", "", 403, Refusal::configuration},
        StsRow{"ValidationError", "", 400, Refusal::configuration},
        StsRow{"OptInRequired", "", 403, Refusal::ambiguous},
        StsRow{"Throttling", "Rate exceeded", 400, Refusal::throttled},
        StsRow{"ThrottlingException", "", 400, Refusal::throttled},
        StsRow{"RequestLimitExceeded", "", 400, Refusal::throttled},
        StsRow{"ServiceUnavailable", "", 503, Refusal::unavailable},
        StsRow{"InternalFailure", "", 500, Refusal::unavailable},
        StsRow{"AccessDenied", "a broken service's word is no evidence", 503, Refusal::unavailable},
        StsRow{"SomethingNew", "", 400, Refusal::configuration}),
    [](const auto& test) {
      return std::string(test.param.code) + "_" + std::to_string(test.index);
    });

TEST(StsTaxonomy, WhatIsNotStssAnswerIsAnOutageWhateverItsStatus) {
  for (const int status : {301, 403, 404, 500, 502}) {
    for (const std::string body :
         {"", "<html><body>AccessDenied</body></html>", "{\"__type\":\"AccessDenied\"}",
          "<ErrorResponse><Error><Code></Code></Error></ErrorResponse>"}) {
      auto answer = response(status, body);
      const auto refused = parse_sts(answer, "step", kNow);
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error().refusal, Refusal::unavailable) << status << body;
    }
  }
  auto throttled = response(429, "");
  EXPECT_EQ(parse_sts(throttled, "step", kNow).error().refusal, Refusal::throttled);
}

TEST(StsTaxonomy, ASkewedClockIsTold) {
  auto answer = response(403, sts_error("SignatureDoesNotMatch", "Signature expired: x"));
  answer.headers = {{"date", "Sun, 01 Mar 2026 09:40:20 GMT"}};
  const auto refused = parse_sts(answer, "step", kNow);
  EXPECT_NE(refused.error().message.find("clock is 620 s behind AWS's"), std::string::npos)
      << refused.error().message;
}

TEST(StsTaxonomy, ASkewedClockIsToldByTheMessageWhereThereIsNoDate) {
  auto answer =
      response(403, sts_error("SignatureDoesNotMatch",
                              "Signature not yet current: 20260301T093000Z is still later than "
                              "20260301T092440Z (20260301T091940Z + 5 min.)"));
  const auto refused = parse_sts(answer, "step", kNow);
  EXPECT_NE(refused.error().message.find("clock is 620 s ahead of AWS's"), std::string::npos)
      << refused.error().message;
  auto silent = response(403, sts_error("RequestExpired", "no (time) here"));
  EXPECT_NE(parse_sts(silent, "step", kNow).error().message.find("off by more than AWS allows"),
            std::string::npos);
}

TEST(StsTaxonomy, WhatStsSaysIsBoundedAndPrintable) {
  auto answer = response(403, sts_error("AccessDenied", std::string(5000, 'm') + "\n&#7;"));
  const auto refused = parse_sts(answer, "step", kNow);
  EXPECT_LT(refused.error().message.size(), 700U);
  EXPECT_EQ(printable("a\nb\x01\xff"), "a b \xef\xbf\xbd");
}

TEST(EndpointCredentials, OfTheInstanceAndTheContainer) {
  const std::string fields =
      R"("AccessKeyId":"ASIA2","SecretAccessKey":"s\/x","Token":"t","Expiration":"2026-03-01T15:00:00Z")";
  for (const std::string& body : {"{\"Code\":\"Success\"," + fields + "}", "{" + fields + "}"}) {
    auto answer = response(200, body);
    const auto credentials = parse_endpoint_credentials(answer, "it");
    ASSERT_TRUE(credentials.has_value()) << credentials.error().message;
    EXPECT_EQ(credentials->secret_access_key, "s/x");
    EXPECT_EQ(credentials->session_token, "t");
  }
}

TEST(EndpointCredentials, WhatHoldsNoneIsNeverADenial) {
  const auto refusal_of = [](int status, const std::string& body) {
    auto answer = response(status, body);
    return parse_endpoint_credentials(answer, "it").error().refusal;
  };
  EXPECT_EQ(refusal_of(200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}"), Refusal::configuration);
  EXPECT_EQ(refusal_of(200, "{\"AccessKeyId\":\"A\"}"), Refusal::unavailable);
  EXPECT_EQ(refusal_of(200, "<html>"), Refusal::unavailable);
  EXPECT_EQ(refusal_of(403, ""), Refusal::configuration);
  EXPECT_EQ(refusal_of(429, ""), Refusal::unavailable);
  EXPECT_EQ(refusal_of(500, ""), Refusal::unavailable);
}

TEST(MetadataAnswers, TokenAndRole) {
  auto token = response(200, "AQAAAN==");
  EXPECT_EQ(parse_metadata_token(token).value(), "AQAAAN==");
  EXPECT_EQ(parse_metadata_role(response(200, "cluster-role\n")).value(), "cluster-role");
  auto refused = response(403, "");
  EXPECT_EQ(parse_metadata_token(refused).error().refusal, Refusal::configuration);
  auto page = response(200, "<html> no token");
  EXPECT_EQ(parse_metadata_token(page).error().refusal, Refusal::unavailable);
  EXPECT_EQ(parse_metadata_role(response(404, "")).error().refusal, Refusal::configuration);
  EXPECT_EQ(parse_metadata_role(response(500, "")).error().refusal, Refusal::unavailable);
  EXPECT_EQ(parse_metadata_role(response(200, "")).error().refusal, Refusal::unavailable);
}

TEST(Times, OfAwsAndHttp) {
  EXPECT_EQ(parse_iso_time("2026-03-01T09:30:00Z"), kNow);
  EXPECT_EQ(parse_iso_time("2026-03-01T09:30:00.1239Z"), kNow + std::chrono::milliseconds(123));
  EXPECT_EQ(parse_http_date("Sun, 01 Mar 2026 09:30:00 GMT"), kNow);
  for (const char* bad : {"", "2026-03-01T09:30:00", "2026-03-01 09:30:00Z",
                          "2026-03-01T09:30:00xZ", "2026-13-01T09:30:00Z"}) {
    EXPECT_FALSE(parse_iso_time(bad).has_value()) << bad;
  }
  for (const char* bad : {"", "Sun, 01 Mar 2026 09:30:00 UTC", "Sun, 01 Xyz 2026 09:30:00 GMT",
                          "Sun, 41 Mar 2026 09:30:00 GMT"}) {
    EXPECT_FALSE(parse_http_date(bad).has_value()) << bad;
  }
}

TEST(SessionName, NamesTheClusterInStssAlphabet) {
  EXPECT_EQ(session_name("orders"), "keyhold-orders");
  EXPECT_EQ(session_name("Gr\xc3\xb6 e/1"), "keyhold-Gr---e-1");
  EXPECT_EQ(session_name(std::string(100, 'x')).size(), 64U);
}

TEST(ExternalId, IsOfStssAlphabet) {
  EXPECT_TRUE(is_external_id("org_1+=,.@:/-"));
  for (const std::string bad : {"", "x", "a b", "a\n", "a;b"}) EXPECT_FALSE(is_external_id(bad));
  EXPECT_FALSE(is_external_id(std::string(1225, 'x')));
}

}  // namespace
}  // namespace keyhold::cloud::aws
