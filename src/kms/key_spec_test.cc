#include "kms/key_spec.h"

#include <gtest/gtest.h>

namespace keyhold::kms {
namespace {

TEST(KeyType, NumbersAndNamesNeverChange) {
  const std::pair<KeyType, std::string_view> kAll[] = {
      {KeyType::aws_kms, "AWS_KMS"},
      {KeyType::gcp_cloud_kms, "GCP_CLOUD_KMS"},
      {KeyType::azure_key_vault, "AZURE_KEY_VAULT"},
      {KeyType::vault_transit, "VAULT_TRANSIT"},
      {KeyType::pkcs11, "PKCS11"},
      {KeyType::local, "LOCAL"},
  };
  int number = 1;
  for (const auto& [type, name] : kAll) {
    EXPECT_EQ(static_cast<int>(type), number++);
    EXPECT_EQ(key_type_name(type), name);
    EXPECT_EQ(parse_key_type(name).value(), type);
  }
}

TEST(KeyType, UnknownNameIsRefusedWithTheKnownOnes) {
  for (const char* name : {"", "local", "LOCAL ", "AWS"}) {
    const auto type = parse_key_type(name);
    ASSERT_FALSE(type.has_value()) << name;
    EXPECT_EQ(type.error().code(), Code::invalid_argument);
    EXPECT_NE(type.error().message().find("AWS_KMS, GCP_CLOUD_KMS"), std::string::npos);
  }
}

}  // namespace
}  // namespace keyhold::kms
