// A shredding makes a new KEK: the lease of a real host and its audit log go over to it.
#include <atomic>

#include <gtest/gtest.h>

#include "audit/read.h"
#include "host/test_store.h"

namespace keyhold::host {
namespace {

// A KMS whose policy no longer admits the context of the first KEK.
class NewKekOnly final : public kms::Client {
 public:
  NewKekOnly(std::unique_ptr<kms::Client> inner, std::atomic<int>& probes)
      : inner_(std::move(inner)), probes_(probes) {}
  [[nodiscard]] const kms::KeySpec& spec() const override { return inner_->spec(); }
  kms::Result<kms::WrappedKey> wrap(const crypto::Key256& key, const kms::WrapContext& context,
                                    Deadline deadline) override {
    return inner_->wrap(key, context, deadline);
  }
  kms::Result<kms::UnwrappedKey> unwrap(ByteView ciphertext, const kms::WrapContext& context,
                                        Deadline deadline) override {
    return inner_->unwrap(ciphertext, context, deadline);
  }
  kms::Result<kms::KeyDescription> describe(Deadline deadline) override {
    return inner_->describe(deadline);
  }
  kms::Result<std::string> probe(ByteView ciphertext, const kms::WrapContext& context,
                                 Deadline deadline) override {
    if (context.version < 2) {
      return tl::unexpected(kms::Error(kms::Fault::denied, "the context of a KEK that is gone"));
    }
    ++probes_;
    return inner_->probe(ciphertext, context, deadline);
  }

 private:
  const std::unique_ptr<kms::Client> inner_;
  std::atomic<int>& probes_;
};

TEST(ShredLease, TheStoreServesOnWhereTheKmsRefusesTheOldKek) {
  TestStore store;
  store.make();
  std::atomic<bool> refuses = false;
  std::atomic<int> probes = 0;
  HostOptions options = store.options();
  options.keeps_lease = true;
  options.lease = quick_policy();
  options.clients = [&](const kms::KeySpec& spec,
                        const kms::Caller&) -> kms::Result<std::unique_ptr<kms::Client>> {
    KEYHOLD_TRY_ASSIGN(auto client, store.kms.make_client(spec));
    if (!refuses) return client;
    return std::make_unique<NewKekOnly>(std::move(client), probes);
  };
  auto host = store.open(options);
  ASSERT_TRUE(host) << host.error().message();
  ASSERT_TRUE((*host)->rotate_dek());
  const auto shredded = (*host)->shred();
  ASSERT_TRUE(shredded) << shredded.error().message();
  ASSERT_EQ(shredded->kek_version, 2U);
  refuses = true;
  EXPECT_TRUE(eventually([&] { return probes >= 20; }));
  EXPECT_EQ((*host)->status().state, HostState::serving);
}

TEST(ShredLease, TheAuditLogIsSignedWithTheNewKekAtOnce) {
  TestStore store;
  store.make();
  const auto host = store.open();
  ASSERT_TRUE(host) << host.error().message();
  ASSERT_TRUE((*host)->rotate_dek());
  ASSERT_TRUE((*host)->shred());
  audit::Record last;
  ASSERT_TRUE(audit::read_log(io::posix_file_system(), store.layout.audit, 1,
                              [&](const audit::Line&, const audit::Record* record) {
                                if (record != nullptr) last = *record;
                                return true;
                              }));
  EXPECT_EQ(last.event, "checkpoint");
  EXPECT_EQ(last.kek_version, 2U);
}

}  // namespace
}  // namespace keyhold::host
