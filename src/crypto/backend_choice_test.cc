#include "crypto/backend_choice.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "crypto/ipsec_mb.h"
#include "crypto/kdf.h"

namespace keyhold::crypto {
namespace {

TEST(BackendChoice, UnsetTakesTheFasterOfThisCpu) {
  EXPECT_EQ(choose_backend(nullptr).value(),
            ipsec_mb_is_faster() ? BackendKind::ipsec_mb : BackendKind::openssl);
}

TEST(BackendChoice, NameIsTakenAtItsWord) {
  EXPECT_EQ(choose_backend("openssl").value(), BackendKind::openssl);
  if (ipsec_mb_backend() == nullptr) GTEST_SKIP() << "libipsec-mb does not run on this CPU";
  EXPECT_EQ(choose_backend("ipsec-mb").value(), BackendKind::ipsec_mb);
}

TEST(BackendChoice, UnknownNameIsAnErrorThatNamesTheKnownOnes) {
  for (const char* name : {"", "OpenSSL", "aes", "ipsec_mb"}) {
    const auto choice = choose_backend(name);
    ASSERT_FALSE(choice.has_value()) << name;
    EXPECT_EQ(choice.error().code(), Code::invalid_argument);
    EXPECT_NE(choice.error().message().find("use openssl or ipsec-mb"), std::string::npos);
  }
}

// Runs one test of this program again with another environment: the choice is made once a process.
int run_self(const char* setting, const char* test) {
  const std::string filter = std::string("--gtest_filter=") + test;
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("KEYHOLD_AEAD", setting, 1);
    ::execl("/proc/self/exe", "crypto_test", filter.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void expect_no_key() {
  const Key256 key = Key256::generate(system_random()).value();
  const auto aead = AeadKey::expand(key);
  ASSERT_FALSE(aead.has_value());
  EXPECT_EQ(aead.error().code(), Code::invalid_argument);
  EXPECT_NE(aead.error().message().find("KEYHOLD_AEAD=bogus"), std::string::npos);
  EXPECT_EQ(aead_backend().name, "none");
  EXPECT_FALSE(BlockPrf::create(key).has_value());
}

TEST(BackendChoice, UnknownSettingFailsEveryKeyOfTheProcess) {
  const char* const setting = std::getenv("KEYHOLD_AEAD");
  if (setting != nullptr && std::string_view(setting) == "bogus") return expect_no_key();
  EXPECT_EQ(run_self("bogus", "BackendChoice.UnknownSettingFailsEveryKeyOfTheProcess"), 0);
}

TEST(BackendChoice, SettingIsInForce) {
  const char* const setting = std::getenv("KEYHOLD_AEAD");
  if (setting != nullptr && std::string_view(setting) == "openssl") {
    EXPECT_EQ(aead_backend().name, "openssl");
    return;
  }
  EXPECT_EQ(run_self("openssl", "BackendChoice.SettingIsInForce"), 0);
}

}  // namespace
}  // namespace keyhold::crypto
