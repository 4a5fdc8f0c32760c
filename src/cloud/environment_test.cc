#include "cloud/environment.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace keyhold::cloud {
namespace {

class EnvironmentFile : public testing::Test {
 protected:
  // Tests run beside each other, each in a process of its own.
  EnvironmentFile()
      : path_(testing::TempDir() + "keyhold_environment_test_" + std::to_string(::getpid())) {}
  ~EnvironmentFile() override { std::filesystem::remove(path_); }

  Result<WipedString> read(const std::string& content) {
    std::ofstream(path_) << content;
    return process_environment().read_file(path_);
  }

  std::string path_;
};

TEST(Environment, AVariableIsReadEachTime) {
  ASSERT_EQ(::setenv("ENVIRONMENT_TEST", "one", 1), 0);
  EXPECT_EQ(process_environment().get("ENVIRONMENT_TEST"), "one");
  ASSERT_EQ(::setenv("ENVIRONMENT_TEST", "", 1), 0);
  EXPECT_EQ(process_environment().get("ENVIRONMENT_TEST"), "");
  EXPECT_EQ(process_environment().get_or("ENVIRONMENT_TEST", "two"), "two");
  ASSERT_EQ(::unsetenv("ENVIRONMENT_TEST"), 0);
  EXPECT_FALSE(process_environment().get("ENVIRONMENT_TEST").has_value());
  EXPECT_FALSE(process_environment().get_secret("ENVIRONMENT_TEST").has_value());
}

TEST_F(EnvironmentFile, IsReadWholeWhateverItsSize) {
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 100'000U}) {
    const std::string content(size, 'x');
    const auto read = this->read(content);
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(std::string_view(*read), content);
  }
}

TEST_F(EnvironmentFile, OneThatIsTooLargeIsRefused) {
  EXPECT_TRUE(read(std::string(kMaxCredentialFileBytes, 'x')).has_value());
  const auto refused = read(std::string(kMaxCredentialFileBytes + 1, 'x'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  EXPECT_EQ(refused.error().message().find("xx"), std::string::npos);
}

TEST_F(EnvironmentFile, OneThatIsNotThereIsNotFound) {
  const auto refused = process_environment().read_file(path_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::not_found);
  EXPECT_NE(refused.error().message().find(path_), std::string::npos);
}

TEST(Environment, ADirectoryIsNoFile) {
  EXPECT_FALSE(process_environment().read_file(testing::TempDir()).has_value());
}

TEST(Environment, HomeIsTheVariableElseTheUsersOwn) {
  const std::string before = process_environment().get("HOME").value_or("");
  ASSERT_EQ(::setenv("HOME", "/somewhere", 1), 0);
  EXPECT_EQ(process_environment().home_directory(), "/somewhere");
  ASSERT_EQ(::unsetenv("HOME"), 0);
  EXPECT_TRUE(process_environment().home_directory().starts_with('/'));
  if (!before.empty()) {
    ASSERT_EQ(::setenv("HOME", before.c_str(), 1), 0);
  }
}

}  // namespace
}  // namespace keyhold::cloud
