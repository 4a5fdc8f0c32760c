// The taxonomy of logins to Google: a row here for each of docs/kms/gcp.md.
#include "cloud/gcp/answers.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace keyhold::cloud::gcp {
namespace {

using Json = nlohmann::json;

net::HttpResponse answer(int status, const std::string& body) {
  net::HttpResponse response;
  response.status = status;
  response.body = WipedString(body);
  return response;
}

Refusal oauth(const std::string& error, const std::string& description, int status = 400) {
  net::HttpResponse response =
      answer(status, Json{{"error", error}, {"error_description", description}}.dump());
  const auto token = parse_oauth(response, "service account a");
  EXPECT_FALSE(token.has_value());
  EXPECT_EQ(token.error().message.find("service account a: "), 0U);
  return token.error().refusal;
}

TEST(GcpOauth, TokenIsTakenOutOfTheAnswer) {
  net::HttpResponse response =
      answer(200, R"({"access_token":"ya29.s3cret","expires_in":3599,"token_type":"Bearer"})");
  const auto token = parse_oauth(response, "x");
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->value, "ya29.s3cret");
  EXPECT_EQ(token->lifetime, std::chrono::seconds(3599));
  EXPECT_EQ(response.body.find("s3cret"), WipedString::npos);
}

TEST(GcpOauth, AccountThatIsGoneOrDisabledIsADenial) {
  EXPECT_EQ(oauth("invalid_grant", "Invalid grant: account not found"), Refusal::denied);
  EXPECT_EQ(oauth("invalid_grant", "Invalid JWT Signature."), Refusal::denied);
  EXPECT_EQ(oauth("invalid_grant", "Account has been disabled."), Refusal::denied);
  EXPECT_EQ(oauth("invalid_grant", "Account has been deleted"), Refusal::denied);
  EXPECT_EQ(oauth("invalid_grant", "Token has been revoked."), Refusal::denied);
  EXPECT_EQ(oauth("disabled_client", "The OAuth client was disabled."), Refusal::denied);
  EXPECT_EQ(oauth("deleted_client", ""), Refusal::denied);
  EXPECT_EQ(oauth("unauthorized_client",
                  "The given credential is rejected by the attribute "
                  "condition."),
            Refusal::denied);
}

TEST(GcpOauth, SkewedClocksAndOldTokensAreNoDenials) {
  EXPECT_EQ(oauth("invalid_grant",
                  "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
                  "reasonable timeframe. Check your iat and exp values in the JWT claim."),
            Refusal::unavailable);
  EXPECT_EQ(oauth("invalid_grant", "ID Token issued at 1 is stale to sign-in."),
            Refusal::unavailable);
  EXPECT_EQ(oauth("invalid_grant", "Token has been expired or revoked."), Refusal::configuration);
  EXPECT_EQ(oauth("invalid_grant", "Bad Request"), Refusal::configuration);
  EXPECT_EQ(oauth("invalid_client", "The OAuth client was not found."), Refusal::configuration);
  EXPECT_EQ(oauth("invalid_scope", ""), Refusal::configuration);
}

TEST(GcpOauth, OutagesAndThrottling) {
  EXPECT_EQ(oauth("rate_limit_exceeded", "", 403), Refusal::throttled);
  EXPECT_EQ(oauth("anything", "", 429), Refusal::throttled);
  EXPECT_EQ(oauth("internal_failure", ""), Refusal::unavailable);
  EXPECT_EQ(oauth("invalid_grant", "Account has been deleted", 503), Refusal::unavailable);
  EXPECT_EQ(oauth("org_internal", "", 403), Refusal::ambiguous);
  for (const char* body : {"", "<html>403</html>", "{}", R"({"error":{"code":403}})", "[]"}) {
    net::HttpResponse response = answer(403, body);
    EXPECT_EQ(parse_oauth(response, "x").error().refusal, Refusal::unavailable) << body;
  }
  for (const char* body :
       {"", "{}", R"({"access_token":"a"})", R"({"access_token":"a b","expires_in":1})",
        R"({"access_token":"","expires_in":1})", R"({"access_token":"a","expires_in":"1"})",
        R"({"access_token":"a","expires_in":-1})"}) {
    net::HttpResponse response = answer(200, body);
    EXPECT_EQ(parse_oauth(response, "x").error().refusal, Refusal::unavailable) << body;
  }
}

TEST(GcpMetadata, OnlyTheRealServerIsBelieved) {
  const std::string body = R"({"access_token":"a","expires_in":100,"token_type":"Bearer"})";
  net::HttpResponse response = answer(200, body);
  EXPECT_EQ(parse_metadata(response, "x").error().refusal, Refusal::unavailable);
  response = answer(200, body);
  response.headers = {{.name = "metadata-flavor", .value = "Google"}};
  EXPECT_EQ(parse_metadata(response, "x")->value, "a");
  response.status = 404;
  EXPECT_EQ(parse_metadata(response, "x").error().refusal, Refusal::configuration);
  response.status = 503;
  EXPECT_EQ(parse_metadata(response, "x").error().refusal, Refusal::unavailable);
}

Refusal impersonation(int status, const std::string& name, const std::string& message = "text",
                      const std::string& reason = "") {
  Json error{{"code", status}, {"status", name}, {"message", message}};
  if (!reason.empty()) {
    error["details"] = {
        {{"@type", "type.googleapis.com/google.rpc.ErrorInfo"}, {"reason", reason}}};
  }
  net::HttpResponse response = answer(status, Json{{"error", error}}.dump());
  return parse_impersonation(response, std::chrono::seconds(1)).error().refusal;
}

TEST(GcpImpersonation, GrantTakenAwayOrAccountGoneIsADenial) {
  EXPECT_EQ(impersonation(403, "PERMISSION_DENIED",
                          "Permission 'iam.serviceAccounts."
                          "getAccessToken' denied on resource",
                          "IAM_PERMISSION_DENIED"),
            Refusal::denied);
  EXPECT_EQ(impersonation(404, "NOT_FOUND", "Not found; Gaia id not found for email a@p"),
            Refusal::denied);
  EXPECT_EQ(impersonation(400, "FAILED_PRECONDITION", "The service account is disabled."),
            Refusal::denied);
  EXPECT_EQ(impersonation(401, "UNAUTHENTICATED", "t", "ACCOUNT_STATE_INVALID"), Refusal::denied);
}

TEST(GcpImpersonation, EverythingElseIsNot) {
  EXPECT_EQ(impersonation(403, "PERMISSION_DENIED", "t", "SECURITY_POLICY_VIOLATED"),
            Refusal::ambiguous);
  EXPECT_EQ(impersonation(403, "PERMISSION_DENIED", "t", "SERVICE_DISABLED"), Refusal::ambiguous);
  EXPECT_EQ(impersonation(403, "PERMISSION_DENIED", "t", "BILLING_DISABLED"), Refusal::ambiguous);
  EXPECT_EQ(impersonation(403, "PERMISSION_DENIED", "t", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
            Refusal::configuration);
  EXPECT_EQ(impersonation(400, "FAILED_PRECONDITION"), Refusal::ambiguous);
  EXPECT_EQ(impersonation(400, "INVALID_ARGUMENT"), Refusal::configuration);
  EXPECT_EQ(impersonation(401, "UNAUTHENTICATED"), Refusal::unavailable);
  EXPECT_EQ(impersonation(429, "RESOURCE_EXHAUSTED"), Refusal::throttled);
  EXPECT_EQ(impersonation(503, "UNAVAILABLE"), Refusal::unavailable);
  net::HttpResponse page = answer(403, "<html>");
  EXPECT_EQ(parse_impersonation(page, std::chrono::seconds(1)).error().refusal,
            Refusal::unavailable);
  net::HttpResponse busy = answer(429, "<html>");
  EXPECT_EQ(parse_impersonation(busy, std::chrono::seconds(1)).error().refusal, Refusal::throttled);
}

TEST(GcpImpersonation, TokenIsTakenOutOfTheAnswer) {
  net::HttpResponse response =
      answer(200, R"({"accessToken":"ya29.s3cret","expireTime":"2026-01-01T00:00:00Z"})");
  const auto token = parse_impersonation(response, std::chrono::seconds(300));
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->value, "ya29.s3cret");
  EXPECT_EQ(token->lifetime, std::chrono::seconds(300));
  EXPECT_EQ(response.body.find("s3cret"), WipedString::npos);
  net::HttpResponse without = answer(200, R"({"accessToken":"a"})");
  EXPECT_FALSE(parse_impersonation(without, std::chrono::seconds(1)).has_value());
}

TEST(GcpSubjectToken, IsTheWholeTextOrAField) {
  EXPECT_EQ(parse_subject_token(WipedString(" a.b.c\n"), "").value(), "a.b.c");
  EXPECT_EQ(parse_subject_token(WipedString(R"({"t":"a.b"})"), "t").value(), "a.b");
  for (const char* bad : {"", " ", "a b", "\x01"}) {
    EXPECT_EQ(parse_subject_token(WipedString(bad), "").error().refusal, Refusal::configuration);
  }
  EXPECT_FALSE(parse_subject_token(WipedString("{}"), "t").has_value());
}

}  // namespace
}  // namespace keyhold::cloud::gcp
