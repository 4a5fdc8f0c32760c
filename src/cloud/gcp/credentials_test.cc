#include "cloud/gcp/credentials.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cloud/test_environment.h"

namespace keyhold::cloud::gcp {
namespace {

using Json = nlohmann::json;

Result<Credential> parsed(const Json& json) {
  WipedString text(json.dump());
  auto credential = parse_credential(text);
  EXPECT_EQ(text.find("s3cret"), WipedString::npos);
  if (!credential) {
    EXPECT_EQ(credential.error().code(), Code::invalid_argument);
    EXPECT_EQ(credential.error().message().find("s3cret"), std::string::npos);
  }
  return credential;
}

const Json kAccount = {{"type", "service_account"},
                       {"client_email", "a@p.iam.gserviceaccount.com"},
                       {"private_key_id", "k"},
                       {"private_key", "s3cret\nkey\n"},
                       {"token_uri", "https://oauth2.googleapis.com/token"}};
const Json kUser = {{"type", "authorized_user"},
                    {"client_id", "id"},
                    {"client_secret", "s3cret-1"},
                    {"refresh_token", "s3cret-2"}};
const Json kExternal = {
    {"type", "external_account"},
    {"audience", "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p"},
    {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
    {"token_url", "https://sts.googleapis.com/v1/token"},
    {"credential_source",
     {{"url", "http://127.0.0.1:1/token"},
      {"headers", {{"Metadata", "True"}}},
      {"format", {{"type", "json"}, {"subject_token_field_name", "access_token"}}}}}};

Json with(Json json, const char* name, const Json& value) {
  json[name] = value;
  return json;
}
Json without(Json json, const char* name) {
  json.erase(name);
  return json;
}

TEST(GcpCredentials, ServiceAccountIsReadWithItsKeyDecoded) {
  const auto credential = parsed(kAccount);
  ASSERT_TRUE(credential.has_value()) << credential.error().message();
  const auto& account = std::get<ServiceAccount>(*credential);
  EXPECT_EQ(account.email, "a@p.iam.gserviceaccount.com");
  EXPECT_EQ(account.private_key, "s3cret\nkey\n");
  EXPECT_EQ(account.token_url, "https://oauth2.googleapis.com/token");
  EXPECT_EQ(name_of(*credential), "service account a@p.iam.gserviceaccount.com");
}

TEST(GcpCredentials, AuthorizedUserHasGooglesTokenUrl) {
  const auto credential = parsed(kUser);
  ASSERT_TRUE(credential.has_value()) << credential.error().message();
  const auto& user = std::get<AuthorizedUser>(*credential);
  EXPECT_EQ(user.client_secret, "s3cret-1");
  EXPECT_EQ(user.refresh_token, "s3cret-2");
  EXPECT_EQ(user.token_url, "https://oauth2.googleapis.com/token");
}

TEST(GcpCredentials, ExternalAccountHasAFileOrAUrl) {
  const auto by_url = parsed(kExternal);
  ASSERT_TRUE(by_url.has_value()) << by_url.error().message();
  const auto& account = std::get<ExternalAccount>(*by_url);
  EXPECT_EQ(account.url, "http://127.0.0.1:1/token");
  ASSERT_EQ(account.url_headers.size(), 1U);
  EXPECT_EQ(account.url_headers[0].name, "Metadata");
  EXPECT_EQ(account.json_field, "access_token");
  const auto by_file = parsed(with(kExternal, "credential_source", {{"file", "/token"}}));
  ASSERT_TRUE(by_file.has_value());
  EXPECT_EQ(std::get<ExternalAccount>(*by_file).file, "/token");
}

TEST(GcpCredentials, ImpersonatedAccountHasItsSourceWithin) {
  const auto credential =
      parsed({{"type", "impersonated_service_account"},
              {"service_account_impersonation_url", "https://iamcredentials.googleapis.com/v1/x"},
              {"delegates", {"d@p"}},
              {"source_credentials", kUser}});
  ASSERT_TRUE(credential.has_value()) << credential.error().message();
  const auto& account = *std::get<std::shared_ptr<const ImpersonatedAccount>>(*credential);
  EXPECT_EQ(account.delegates, std::vector<std::string>{"d@p"});
  EXPECT_EQ(std::get<AuthorizedUser>(account.source).refresh_token, "s3cret-2");
}

TEST(GcpCredentials, WhatIsMissingOrNotTakenIsSaid) {
  const std::vector<std::pair<Json, std::string>> rows = {
      {Json::array(), "not JSON"},
      {{{"type", "gdch_service_account"}}, "gdch_service_account"},
      {without(kAccount, "client_email"), "client_email"},
      {without(kAccount, "private_key"), "private_key"},
      {with(kAccount, "token_uri", "http://oauth2.googleapis.com/token"), "https"},
      {without(kUser, "client_id"), "client_id"},
      {without(kUser, "client_secret"), "client_secret"},
      {without(kUser, "refresh_token"), "refresh_token"},
      {without(kExternal, "audience"), "audience"},
      {without(kExternal, "token_url"), "token_url"},
      {with(kExternal, "credential_source", {{"executable", {{"command", "x"}}}}), "executable"},
      {with(kExternal, "credential_source", {{"environment_id", "aws1"}}), "AWS"},
      {with(kExternal, "credential_source", {{"file", "/f"}, {"url", "https://u"}}), "one file"},
      {with(kExternal, "credential_source", {{"url", "ftp://u"}}), "http"},
      {with(kExternal, "service_account_impersonation_url", "http://example.com"), "https"},
      {{{"type", "impersonated_service_account"}}, "service_account_impersonation_url"},
      {{{"type", "impersonated_service_account"},
        {"service_account_impersonation_url", "https://x"},
        {"source_credentials", {{"type", "impersonated_service_account"}}}},
       "none of"},
  };
  for (const auto& [json, part] : rows) {
    const auto credential = parsed(json);
    ASSERT_FALSE(credential.has_value()) << json;
    EXPECT_NE(credential.error().message().find(part), std::string::npos)
        << credential.error().message();
  }
}

TEST(GcpCredentials, AreLookedForWhereGooglesToolsDo) {
  TestEnvironment environment;
  const auto kind = [&] {
    const auto found = find_credential(environment);
    return found ? name_of(*found) : found.error().message();
  };
  EXPECT_EQ(kind(), "the metadata server metadata.google.internal");
  environment.variables["GCE_METADATA_HOST"] = "127.0.0.1:1";
  EXPECT_EQ(kind(), "the metadata server 127.0.0.1:1");
  environment.files[environment.home + "/.config/gcloud/application_default_credentials.json"] =
      kUser.dump();
  EXPECT_EQ(kind(), "user id");
  environment.variables["CLOUDSDK_CONFIG"] = "/config";
  EXPECT_EQ(kind(), "the metadata server 127.0.0.1:1");
  environment.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/named.json";
  EXPECT_NE(kind().find("/named.json"), std::string::npos);
  environment.files["/named.json"] = kAccount.dump();
  EXPECT_EQ(kind(), "service account a@p.iam.gserviceaccount.com");
  environment.files["/named.json"] = "{";
  EXPECT_NE(kind().find("/named.json"), std::string::npos);
}

}  // namespace
}  // namespace keyhold::cloud::gcp
