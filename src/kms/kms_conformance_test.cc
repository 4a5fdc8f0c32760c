// The providers that need no server, through the suite of all.
#include "kms/kms_conformance.h"

#include "kms/fake/fake_kms.h"
#include "kms/local/admin.h"
#include "kms/local/client.h"
#include "kms/local/scratch_directory.h"

namespace keyhold::kms {
namespace {

constexpr int kDeletionDays = 7;

class LocalAdapter final : public KmsAdapter {
 public:
  LocalAdapter() : kms_(LocalKms::init(scratch_ / "kms", {.clock = &clock_}).value()) {}

  [[nodiscard]] const Clock& clock() const override { return clock_; }
  KeySpec create_key(const std::string& name) override {
    EXPECT_TRUE(kms_.create_key(name).has_value());
    return spec(name);
  }
  KeySpec missing_key() override { return spec("missing"); }
  void disable(const std::string& name) override { EXPECT_TRUE(kms_.disable(name).has_value()); }
  void enable(const std::string& name) override { EXPECT_TRUE(kms_.enable(name).has_value()); }
  void rotate(const std::string& name) override { EXPECT_TRUE(kms_.rotate(name).has_value()); }
  void schedule_deletion(const std::string& name) override {
    EXPECT_TRUE(kms_.schedule_deletion(name, kDeletionDays).has_value());
  }
  void cancel_deletion(const std::string& name) override {
    EXPECT_TRUE(kms_.cancel_deletion(name).has_value());
  }
  void pass_deletion_date() override { clock_.advance(std::chrono::days(kDeletionDays)); }
  Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) override {
    return LocalClient::create(spec, io::posix_file_system(), clock_, crypto::system_random());
  }

 private:
  KeySpec spec(const std::string& name) {
    KeySpec spec;
    spec.type = KeyType::local;
    spec.uri = kms_.uri(name);
    return spec;
  }

  local::ScratchDirectory scratch_;
  ManualClock clock_;
  LocalKms kms_;
};

class FakeAdapter final : public KmsAdapter {
 public:
  FakeAdapter() : kms_(clock_, crypto::system_random()) {}

  [[nodiscard]] const Clock& clock() const override { return clock_; }
  KeySpec create_key(const std::string& name) override { return kms_.create_key(name); }
  KeySpec missing_key() override { return kms_.spec("missing"); }
  void disable(const std::string& name) override { kms_.disable(name); }
  void enable(const std::string& name) override { kms_.enable(name); }
  void rotate(const std::string& name) override { kms_.rotate(name); }
  void schedule_deletion(const std::string& name) override {
    kms_.schedule_deletion(name, kDeletionDays);
  }
  void cancel_deletion(const std::string& name) override { kms_.cancel_deletion(name); }
  void pass_deletion_date() override { clock_.advance(std::chrono::days(kDeletionDays)); }
  Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) override {
    return kms_.make_client(spec);
  }

 private:
  ManualClock clock_;
  FakeKms kms_;
};

std::unique_ptr<KmsAdapter> make_local_adapter() {
  return std::make_unique<LocalAdapter>();
}
std::unique_ptr<KmsAdapter> make_fake_adapter() {
  return std::make_unique<FakeAdapter>();
}

INSTANTIATE_TEST_SUITE_P(Local, KmsConformance, testing::Values(&make_local_adapter));
INSTANTIATE_TEST_SUITE_P(Fake, KmsConformance, testing::Values(&make_fake_adapter));

}  // namespace
}  // namespace keyhold::kms
