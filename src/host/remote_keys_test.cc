#include "host/remote_keys.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "host/control_server.h"
#include "host/test_store.h"

namespace keyhold::host {
namespace {

using std::chrono::seconds;

class RemoteKeysTest : public testing::Test {
 protected:
  RemoteKeysTest() : store_(clock_) {}

  void SetUp() override {
    store_.make();
    start_host();
    connect();
  }
  void start_host() {
    auto host = store_.open();
    ASSERT_TRUE(host) << host.error().message();
    host_ = *std::move(host);
  }
  void connect() {
    auto keys = RemoteKeys::connect(clock_, store_.path, seconds(10));
    ASSERT_TRUE(keys) << keys.error().message();
    keys_ = *std::move(keys);
  }

  MovableClock clock_;
  TestStore store_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<RemoteKeys> keys_;
};

TEST_F(RemoteKeysTest, DerivesWhatTheHostDerives) {
  EXPECT_EQ(keys_->role(), Role::client);
  EXPECT_EQ(keys_->store_id(), host_->store_id());
  EXPECT_EQ(keys_->current_generation(), Generation{1});
  EXPECT_EQ(derived(*keys_, Generation{1}), derived(*host_, Generation{1}));
}

TEST_F(RemoteKeysTest, FetchesAGenerationOnce) {
  ASSERT_TRUE(keys_->prepare(Generation{1}));
  const std::uint64_t before = host_->status().requests;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(keys_->prepare(Generation{1}));
    EXPECT_TRUE(keys_->current_generation());
  }
  EXPECT_EQ(host_->status().requests, before);
}

TEST_F(RemoteKeysTest, LearnsOfARotationWhenItsAnswerHasExpired) {
  ASSERT_TRUE(host_->rotate_dek());
  EXPECT_EQ(keys_->current_generation(), Generation{1});
  clock_.advance(seconds(2));
  EXPECT_EQ(keys_->current_generation(), Generation{2});
  EXPECT_EQ(derived(*keys_, Generation{2}), derived(*host_, Generation{2}));
}

TEST_F(RemoteKeysTest, AnUnknownGenerationIsNotFound) {
  EXPECT_EQ(keys_->derive(Generation{9}, {}, {}).error().code(), Code::not_found);
  EXPECT_EQ(keys_->prepare(Generation{9}).error().code(), Code::not_found);
}

TEST_F(RemoteKeysTest, OrdersRunOnTheHost) {
  EXPECT_EQ(keys_->rotate_dek(), Generation{2});
  EXPECT_EQ(keys_->current_generation(), Generation{2});
  EXPECT_TRUE(keys_->rotate_kek());
  EXPECT_EQ(host_->ring().contents().kek_version, 2U);
  EXPECT_TRUE(keys_->rewrap());
  const kms::KeySpec other = store_.kms.create_key("other");
  EXPECT_TRUE(keys_->rewrap_to(other));
  EXPECT_EQ(host_->ring().contents().lockboxes.at(0).spec, other);
}

TEST_F(RemoteKeysTest, AnOrderThatTheKmsDeniesIsDeniedHereToo) {
  store_.kms.disable("cmek");
  EXPECT_EQ(keys_->rotate_kek().error().code(), Code::denied);
  EXPECT_EQ(keys_->rewrap().error().code(), Code::denied);
}

TEST_F(RemoteKeysTest, WithoutAHostGoesOnWithWhatItHasUntilItsLeaseEnds) {
  const LogCapture log;
  const ByteVector key = derived(*keys_, Generation{1});
  host_.reset();
  clock_.advance(seconds(2));
  EXPECT_EQ(keys_->current_generation(), Generation{1});
  EXPECT_EQ(derived(*keys_, Generation{1}), key);
  EXPECT_EQ(keys_->prepare(Generation{2}).error().code(), Code::unavailable);
  EXPECT_NE(log.text().find("goes on until its lease ends"), std::string::npos);
}

TEST_F(RemoteKeysTest, HasEveryGenerationOfAHostThatWasShortLived) {
  const LogCapture log;
  ASSERT_TRUE(host_->rotate_dek());
  connect();
  ASSERT_TRUE(host_->rotate_dek());
  clock_.advance(seconds(2));
  EXPECT_EQ(keys_->current_generation(), Generation{3});
  host_.reset();
  for (const std::uint32_t generation : {1U, 2U, 3U}) {
    EXPECT_TRUE(keys_->prepare(Generation{generation})) << generation;
    EXPECT_TRUE(keys_->derive(Generation{generation}, {}, {})) << generation;
  }
}

// New files need a key, not the newest one.
TEST_F(RemoteKeysTest, AGenerationThatTheHostDoesNotGiveIsNotTheCurrentOne) {
  const LogCapture log;
  const StoreId store = host_->store_id();
  host_.reset();
  const auto server = ControlServer::start(
      store_.layout, clock_,
      [&](const format::ControlRequest& request, const ControlServer::Respond& respond) {
        if (!std::holds_alternative<format::HelloRequest>(request)) {
          return respond({.reply = format::ErrorReply{.code = Code::unavailable, .message = "gone"},
                          .dek = {}});
        }
        respond({.reply = format::HelloReply{.store = store,
                                             .current = Generation{2},
                                             .key_id = {},
                                             .valid_ms = 1000,
                                             .lease_ms = 6000,
                                             .epoch = 1},
                 .dek = {}});
      });
  ASSERT_TRUE(server) << server.error().message();
  clock_.advance(seconds(2));
  EXPECT_EQ(keys_->current_generation(), Generation{1});
  EXPECT_TRUE(keys_->derive(Generation{1}, {}, {}));
}

class PutBackRing : public RemoteKeysTest, public testing::WithParamInterface<bool> {
 protected:
  void copy_ring(const std::string& from, const std::string& to) const {
    for (const std::string name : {"/keyring.a", "/keyring.b"}) {
      std::filesystem::copy_file(from + name, to + name,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
};

// What a client sealed under the key that is gone, nobody could read after its end.
TEST_P(PutBackRing, SealsTheClient) {
  const LogCapture log;
  const std::string saved = store_.scratch / "saved";
  ASSERT_TRUE(std::filesystem::create_directory(saved));
  copy_ring(store_.layout.directory, saved);
  ASSERT_TRUE(host_->rotate_dek());
  clock_.advance(seconds(2));
  ASSERT_EQ(keys_->current_generation(), Generation{2});
  host_.reset();
  copy_ring(saved, store_.layout.directory);
  start_host();
  const bool number_is_taken_again = GetParam();
  if (number_is_taken_again) {
    ASSERT_TRUE(host_->rotate_dek());
  }
  clock_.advance(seconds(2));
  const auto current = keys_->current_generation();
  ASSERT_FALSE(current);
  EXPECT_EQ(current.error().code(), Code::wrong_key);
  EXPECT_FALSE(store::SealGuard::Use(keys_->guard()).check());
  EXPECT_FALSE(keys_->derive(Generation{2}, {}, {}));
}

INSTANTIATE_TEST_SUITE_P(WithOrWithoutAnotherKeyOfThatNumber, PutBackRing, testing::Bool());

TEST_F(RemoteKeysTest, FindsARestartedHostAgain) {
  const LogCapture log;
  host_.reset();
  clock_.advance(seconds(2));
  EXPECT_EQ(keys_->current_generation(), Generation{1});
  start_host();
  ASSERT_TRUE(host_->rotate_dek());
  clock_.advance(seconds(2));
  EXPECT_EQ(keys_->current_generation(), Generation{2});
  EXPECT_EQ(derived(*keys_, Generation{2}), derived(*host_, Generation{2}));
}

TEST_F(RemoteKeysTest, ReportsSealedBytesWithItsNextQuestionAndAtItsEnd) {
  keys_->add_sealed_bytes(Generation{1}, 100);
  clock_.advance(seconds(2));
  ASSERT_TRUE(keys_->current_generation());
  EXPECT_EQ(host_->ring().contents().generations.at(0).sealed_bytes, 100U);
  keys_->add_sealed_bytes(Generation{1}, 11);
  keys_.reset();
  EXPECT_EQ(host_->ring().contents().generations.at(0).sealed_bytes, 111U);
}

TEST_F(RemoteKeysTest, BytesThatNobodyTookAreReportedLater) {
  const LogCapture log;
  keys_->add_sealed_bytes(Generation{1}, 100);
  host_.reset();
  clock_.advance(seconds(2));
  ASSERT_TRUE(keys_->current_generation());
  start_host();
  clock_.advance(seconds(2));
  ASSERT_TRUE(keys_->current_generation());
  EXPECT_EQ(host_->ring().contents().generations.at(0).sealed_bytes, 100U);
}

TEST_F(RemoteKeysTest, ASealedHostSealsIt) {
  const LogCapture log;
  ASSERT_TRUE(keys_->prepare(Generation{1}));
  host_->seal("test");
  clock_.advance(seconds(2));
  EXPECT_TRUE(eventually([&] {
    (void)keys_->current_generation();
    const Status checked = store::SealGuard::Use(keys_->guard()).check();
    return !checked && checked.error().code() == Code::sealed;
  }));
  EXPECT_EQ(keys_->derive(Generation{1}, {}, {}).error().code(), Code::not_found);
}

TEST(RemoteKeys, WithoutAnyHostCannotConnect) {
  TestStore store;
  store.make();
  const auto keys = RemoteKeys::connect(system_clock(), store.path, seconds(1));
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code(), Code::not_found);
}

}  // namespace
}  // namespace keyhold::host
