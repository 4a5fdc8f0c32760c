#include "cloud/aws/source.h"

#include <gtest/gtest.h>

#include "cloud/test_environment.h"

namespace keyhold::cloud::aws {
namespace {

class SourceTest : public testing::Test {
 protected:
  Source find() {
    auto source = find_source(environment_);
    EXPECT_TRUE(source.has_value()) << source.error().message();
    return source ? *std::move(source) : Source();
  }
  std::string refusal() {
    const auto source = find_source(environment_);
    EXPECT_FALSE(source.has_value());
    if (source) return {};
    EXPECT_EQ(source.error().code(), Code::invalid_argument);
    EXPECT_EQ(source.error().message().find("HIDDEN"), std::string::npos);
    return source.error().message();
  }
  void set(const std::string& name, const std::string& value) {
    environment_.variables[name] = value;
  }
  void config(const std::string& text) { environment_.files["/its-home/.aws/config"] = text; }
  void keys(const std::string& text) { environment_.files["/its-home/.aws/credentials"] = text; }

  TestEnvironment environment_;
};

TEST_F(SourceTest, TheEnvironmentsKeysGoFirst) {
  set("AWS_ACCESS_KEY_ID", "AKIA1");
  set("AWS_SECRET_ACCESS_KEY", "HIDDEN");
  set("AWS_SESSION_TOKEN", "TOKEN");
  set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
  set("AWS_PROFILE", "missing");
  const Source source = find();
  const auto& found = std::get<StaticKeys>(source.base).credentials;
  EXPECT_EQ(found.access_key_id, "AKIA1");
  EXPECT_EQ(found.secret_access_key, "HIDDEN");
  EXPECT_EQ(found.session_token, "TOKEN");
  EXPECT_EQ(name_of(source), "the environment");
}

TEST_F(SourceTest, AKeyWithoutItsSecretIsRefused) {
  set("AWS_ACCESS_KEY_ID", "AKIA1");
  EXPECT_NE(refusal().find("AWS_SECRET_ACCESS_KEY"), std::string::npos);
}

TEST_F(SourceTest, WebIdentityOfTheEnvironment) {
  set("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token");
  set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/cluster");
  const Source source = find();
  EXPECT_EQ(std::get<WebIdentity>(source.base).token_file, "/var/token");
  set("AWS_ROLE_ARN", "");
  EXPECT_NE(refusal().find("no role"), std::string::npos);
}

TEST_F(SourceTest, TheDefaultProfileOfBothFiles) {
  config("[default]\nregion = eu-west-1\n");
  keys("[default]\naws_access_key_id = AKIA2\naws_secret_access_key = HIDDEN\n");
  const Source source = find();
  EXPECT_EQ(std::get<StaticKeys>(source.base).credentials.access_key_id, "AKIA2");
  EXPECT_EQ(name_of(source), "profile default");
}

TEST_F(SourceTest, FilesMayBeElsewhere) {
  set("AWS_SHARED_CREDENTIALS_FILE", "/etc/keys");
  environment_.files["/etc/keys"] =
      "[prod]\naws_access_key_id = AKIA3\naws_secret_access_key = HIDDEN\n";
  set("AWS_PROFILE", "prod");
  EXPECT_EQ(std::get<StaticKeys>(find().base).credentials.access_key_id, "AKIA3");
}

TEST_F(SourceTest, RolesOfProfilesAreAssumedFromTheInnermostOn) {
  config(
      "[profile outer]\nrole_arn = arn:aws:iam::111122223333:role/outer\nsource_profile = inner\n"
      "external_id = two\nrole_session_name = s\n"
      "[profile inner]\nrole_arn = arn:aws:iam::111122223333:role/inner\nsource_profile = base\n");
  keys("[base]\naws_access_key_id = AKIA4\naws_secret_access_key = HIDDEN\n");
  set("AWS_PROFILE", "outer");
  const Source source = find();
  EXPECT_EQ(std::get<StaticKeys>(source.base).credentials.access_key_id, "AKIA4");
  const std::vector<RoleHop> wanted = {
      {.role_arn = "arn:aws:iam::111122223333:role/inner", .external_id = "", .session_name = ""},
      {.role_arn = "arn:aws:iam::111122223333:role/outer",
       .external_id = "two",
       .session_name = "s"}};
  EXPECT_EQ(source.roles, wanted);
}

TEST_F(SourceTest, AProfileThatIsItsOwnSourceHasItsOwnKeys) {
  config("[default]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = default\n");
  keys("[default]\naws_access_key_id = AKIA5\naws_secret_access_key = HIDDEN\n");
  const Source source = find();
  EXPECT_EQ(std::get<StaticKeys>(source.base).credentials.access_key_id, "AKIA5");
  EXPECT_EQ(source.roles.size(), 1U);
}

TEST_F(SourceTest, ProfilesThatLeadToEachOtherAreRefused) {
  config(
      "[profile a]\nrole_arn = arn:x\nsource_profile = b\n"
      "[profile b]\nrole_arn = arn:y\nsource_profile = a\n");
  set("AWS_PROFILE", "a");
  EXPECT_NE(refusal().find("its own source_profile"), std::string::npos);
}

TEST_F(SourceTest, ARoleFromTheEnvironmentTheContainerAndTheInstance) {
  const auto role_from = [&](const std::string& source) {
    config("[default]\nrole_arn = arn:aws:iam::111122223333:role/r\ncredential_source = " + source);
  };
  role_from("Ec2InstanceMetadata");
  EXPECT_TRUE(std::holds_alternative<InstanceMetadata>(find().base));
  role_from("EcsContainer");
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
  EXPECT_TRUE(std::holds_alternative<ContainerEndpoint>(find().base));
  role_from("Environment");
  EXPECT_NE(refusal().find("a source that has none"), std::string::npos);
  role_from("Moon");
  EXPECT_NE(refusal().find("credential_source is"), std::string::npos);
}

TEST_F(SourceTest, WebIdentityOfAProfile) {
  config("[default]\nrole_arn = arn:aws:iam::111122223333:role/r\nweb_identity_token_file = /t\n");
  EXPECT_EQ(std::get<WebIdentity>(find().base).role_arn, "arn:aws:iam::111122223333:role/r");
}

TEST_F(SourceTest, WhatIsNotSupportedSaysSo) {
  for (const std::string kind :
       {"sso_session = s", "sso_start_url = u", "credential_process = p"}) {
    config("[default]\n" + kind + "\n");
    EXPECT_NE(refusal().find("not supported"), std::string::npos) << kind;
  }
  config("[default]\nrole_arn = arn:x\nsource_profile = default\nmfa_serial = m\n");
  EXPECT_NE(refusal().find("MFA"), std::string::npos);
  config("[default]\nrole_arn = arn:x\n");
  EXPECT_NE(refusal().find("needs one of"), std::string::npos);
}

TEST_F(SourceTest, AProfileThatIsNamedHasToBeThere) {
  set("AWS_PROFILE", "missing");
  EXPECT_NE(refusal().find("no profile missing"), std::string::npos);
  config("[profile missing]\nregion = x\n");
  EXPECT_NE(refusal().find("holds none"), std::string::npos);
}

TEST_F(SourceTest, ABrokenFileIsNamed) {
  config("nonsense\n");
  EXPECT_NE(refusal().find("/its-home/.aws/config: line 1"), std::string::npos);
}

TEST_F(SourceTest, TheContainersEndpoint) {
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
  EXPECT_EQ(std::get<ContainerEndpoint>(find().base).url, "http://169.254.170.2/v2/credentials/1");
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "");
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token");
  EXPECT_EQ(std::get<ContainerEndpoint>(find().base).token_file, "/token");
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://credentials.example.com/");
  EXPECT_TRUE(std::holds_alternative<ContainerEndpoint>(find().base));
}

TEST_F(SourceTest, AContainersTokenIsNotSentInTheClearToAnotherMachine) {
  for (const std::string url : {"http://evil.example.com/", "http://169.254.170.2.evil.com/",
                                "http://169.254.170.2@evil.com/", "ftp://127.0.0.1/", "nonsense"}) {
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    EXPECT_NE(refusal().find("container"), std::string::npos) << url;
  }
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "");
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".evil.com/");
  EXPECT_NE(refusal().find("container"), std::string::npos);
}

TEST_F(SourceTest, TheInstanceIsTheLast) {
  EXPECT_EQ(std::get<InstanceMetadata>(find().base).endpoint, "http://169.254.169.254");
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
  EXPECT_EQ(std::get<InstanceMetadata>(find().base).endpoint, "http://[fd00:ec2::254]");
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/");
  EXPECT_EQ(std::get<InstanceMetadata>(find().base).endpoint, "http://127.0.0.1:1338");
  set("AWS_EC2_METADATA_DISABLED", "true");
  EXPECT_NE(refusal().find("there are none"), std::string::npos);
}

}  // namespace
}  // namespace keyhold::cloud::aws
