#include "net/certificates.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace keyhold::net {
namespace {

constexpr std::chrono::days kYear{365};

Certificate authority() {
  return make_authority("test authority", system_clock().wall_now(), kYear).value();
}

TEST(Certificates, AuthorityAndServerAreWrittenInPem) {
  const Certificate made = authority();
  const std::vector<std::string> names = {"localhost", "127.0.0.1"};
  const auto server =
      make_server_certificate(made, names, system_clock().wall_now(), kYear).value();
  for (const Certificate& one : {made, server}) {
    EXPECT_TRUE(one.certificate_pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
    EXPECT_TRUE(one.key_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
  }
  EXPECT_NE(made.certificate_pem, server.certificate_pem);
}

TEST(Certificates, FingerprintIsThatOfTheCertificate) {
  const Certificate one = authority();
  const Certificate other = authority();
  EXPECT_EQ(certificate_fingerprint(one.certificate_pem).value().size(), 64U);
  EXPECT_EQ(certificate_fingerprint(one.certificate_pem).value(),
            certificate_fingerprint(one.certificate_pem).value());
  EXPECT_NE(certificate_fingerprint(one.certificate_pem).value(),
            certificate_fingerprint(other.certificate_pem).value());
  EXPECT_EQ(certificate_fingerprint("nothing").error().code(), Code::invalid_argument);
}

TEST(Certificates, ServerWithoutAProperNameIsRefused) {
  const Certificate made = authority();
  const auto refused = [&](const std::vector<std::string>& names) {
    return make_server_certificate(made, names, system_clock().wall_now(), kYear).error().code();
  };
  EXPECT_EQ(refused({}), Code::invalid_argument);
  EXPECT_EQ(refused({"a,IP:10.0.0.1"}), Code::invalid_argument);
  EXPECT_EQ(refused({""}), Code::invalid_argument);
}

TEST(Certificates, AuthorityWithAnothersKeyIsRefused) {
  Certificate mixed = authority();
  mixed.key_pem = authority().key_pem;
  const std::vector<std::string> names = {"localhost"};
  EXPECT_EQ(make_server_certificate(mixed, names, system_clock().wall_now(), kYear).error().code(),
            Code::invalid_argument);
}

}  // namespace
}  // namespace keyhold::net
