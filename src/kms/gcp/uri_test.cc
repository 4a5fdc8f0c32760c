#include "kms/gcp/uri.h"

#include <gtest/gtest.h>

namespace keyhold::kms::gcp {
namespace {

const std::string kKey = "projects/example.com:p-1/locations/europe/keyRings/r_1/cryptoKeys/K-1";

TEST(GcpUri, NamesAKeyAndPerhapsAVersion) {
  EXPECT_EQ(parse_uri(kKey).value(), (KeyName{.key = kKey, .version = ""}));
  EXPECT_EQ(parse_uri(kKey + "/cryptoKeyVersions/12").value(),
            (KeyName{.key = kKey, .version = "12"}));
}

TEST(GcpUri, AnythingElseIsRefusedAndSaysHowOneLooks) {
  for (const std::string& bad :
       {std::string(), std::string("orders"), "/" + kKey, kKey + "/", kKey + "/cryptoKeyVersions",
        kKey + "/cryptoKeyVersions/", kKey + "/cryptoKeyVersions/0", kKey + "/cryptoKeyVersions/01",
        kKey + "/cryptoKeyVersions/x", kKey + "/cryptoKeyVersions/1/2",
        kKey + "/cryptoKeyVersions/1234567890", kKey + "?alt=json", kKey + ":encrypt",
        std::string("projects//locations/l/keyRings/r/cryptoKeys/k"),
        std::string("projects/p/locations/l/keyRings/../cryptoKeys/k"),
        std::string("projects/p/locations/l/keyRings/r"),
        "https://cloudkms.googleapis.com/v1/" + kKey,
        std::string("projects/p/locations/l/keyRings/r/cryptoKeys/") + std::string(600, 'k')}) {
    const auto parsed = parse_uri(bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().code(), Code::invalid_argument);
    EXPECT_NE(parsed.error().message().find("keyRings/keyhold"), std::string::npos) << bad;
  }
}

TEST(GcpUri, VersionsNameHasToBeOfTheKey) {
  const KeyName key{.key = kKey, .version = ""};
  EXPECT_EQ(version_of(key, kKey + "/cryptoKeyVersions/3"), "3");
  EXPECT_FALSE(version_of(key, kKey).has_value());
  EXPECT_FALSE(version_of(key, kKey + "2/cryptoKeyVersions/3").has_value());
  EXPECT_FALSE(version_of(key, kKey + "/cryptoKeyVersions/").has_value());
}

}  // namespace
}  // namespace keyhold::kms::gcp
