// With the LOCAL KMS and the default clients: what an engine and the CLI run.
#include <gtest/gtest.h>

#include "host/attach.h"
#include "host/store_status.h"
#include "host/test_store.h"
#include "kms/local/admin.h"

namespace keyhold::host {
namespace {

class LocalKmsStore : public testing::Test {
 protected:
  void SetUp() override {
    auto kms = kms::LocalKms::init(scratch_ / "customer-kms");
    ASSERT_TRUE(kms) << kms.error().message();
    kms_.emplace(*std::move(kms));
    ASSERT_TRUE(kms_->create_key("orders"));
    StorePlan plan;
    plan.identity = test_identity();
    plan.key = spec("orders");
    const auto made = initialise_store(machine_, path_, plan);
    ASSERT_TRUE(made) << made.error().message();
  }
  [[nodiscard]] kms::KeySpec spec(const std::string& name) const {
    kms::KeySpec spec;
    spec.type = kms::KeyType::local;
    spec.uri = kms_->uri(name);
    return spec;
  }

  const Environment machine_{
      .files = io::posix_file_system(), .clock = system_clock(), .random = crypto::system_random()};
  kms::local::ScratchDirectory scratch_;
  std::string path_ = scratch_ / "store";
  std::optional<kms::LocalKms> kms_;
};

TEST_F(LocalKmsStore, ServesAcrossRestartsAndRewrapsToAnotherKey) {
  ByteVector key;
  {
    const auto keys = attach(machine_, path_);
    ASSERT_TRUE(keys) << keys.error().message();
    key = derived(**keys, Generation{1});
    ASSERT_TRUE(kms_->create_key("other"));
    ASSERT_TRUE((*keys)->rewrap_to(spec("other")));
  }
  ASSERT_TRUE(kms_->disable("orders"));
  const auto keys = attach(machine_, path_);
  ASSERT_TRUE(keys) << keys.error().message();
  EXPECT_EQ(derived(**keys, Generation{1}), key);
}

TEST_F(LocalKmsStore, ADisabledKeyDeniesWithTheReasonAndStatusStillSpeaks) {
  ASSERT_TRUE(kms_->disable("orders"));
  const auto keys = attach(machine_, path_);
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code(), Code::denied);
  EXPECT_NE(keys.error().message().find("disabled"), std::string::npos) << keys.error().message();
  StatusOptions options;
  options.ask_kms = true;
  const auto status = describe_store(machine_, path_, options);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->kms.at(0).error->fault(), kms::Fault::disabled);
  ASSERT_TRUE(kms_->enable("orders"));
  EXPECT_TRUE(attach(machine_, path_));
}

// An unmounted directory is no denial.
TEST_F(LocalKmsStore, AKmsDirectoryThatIsAwayIsAnOutage) {
  const std::string away = scratch_ / "away";
  ASSERT_TRUE(machine_.files.rename(scratch_ / "customer-kms", away));
  EXPECT_EQ(attach(machine_, path_).error().code(), Code::unavailable);
  ASSERT_TRUE(machine_.files.rename(away, scratch_ / "customer-kms"));
  EXPECT_TRUE(attach(machine_, path_));
}

}  // namespace
}  // namespace keyhold::host
