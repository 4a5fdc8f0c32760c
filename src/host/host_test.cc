#include "host/host.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <unistd.h>

#include "crypto/instance.h"
#include "host/control_client.h"
#include "host/test_store.h"
#include "io/memory_file_system.h"
#include "store/store.h"

namespace keyhold::host {
namespace {

using testing::HasSubstr;

TEST(Host, GivesTheKeysOfItsRing) {
  TestStore store;
  store.make();
  const auto host = store.open();
  ASSERT_TRUE(host) << host.error().message();
  const auto current = (*host)->current_generation();
  ASSERT_TRUE(current);
  EXPECT_EQ(*current, Generation{1});
  const ByteVector key = derived(**host, *current);
  EXPECT_EQ(key, key_bytes_of(
                     (*host)->ring().derive(*current, as_bytes("salt"), as_bytes("test label"))));
  EXPECT_EQ((*host)->store_id(), (*host)->ring().store_id());
  EXPECT_EQ((*host)->role(), Role::host);
}

TEST(Host, GivesTheSameKeysAfterAReopen) {
  TestStore store;
  store.make();
  ByteVector before;
  {
    const auto host = store.open();
    ASSERT_TRUE(host);
    before = derived(**host, Generation{1});
  }
  const auto host = store.open();
  ASSERT_TRUE(host) << host.error().message();
  EXPECT_EQ(derived(**host, Generation{1}), before);
}

TEST(Host, SecondHostIsBusyAndNamesTheFirst) {
  TestStore store;
  store.make();
  const auto first = store.open();
  ASSERT_TRUE(first);
  const auto second = store.open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::busy);
  EXPECT_THAT(second.error().message(), HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_THAT(second.error().message(), HasSubstr("(test)"));
}

TEST(Host, WithoutAStoreIsNotFound) {
  TestStore store;
  const auto host = store.open();
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().code(), Code::not_found);
  EXPECT_THAT(host.error().message(), HasSubstr("keyhold store init"));
}

TEST(Host, NeedsNoSocketAndNoDisk) {
  MovableClock clock;
  io::MemoryFileSystem files(clock);
  TestStore store(clock);
  const Environment machine{.files = files, .clock = clock, .random = crypto::system_random()};
  ASSERT_TRUE(initialise_store(machine, "/store", store.plan(), store.clients()));
  HostOptions options = store.options();
  options.start_socket = false;
  const auto host = Host::open(machine, "/store", options);
  ASSERT_TRUE(host) << host.error().message();
  EXPECT_FALSE(derived(**host, Generation{1}).empty());
}

// LESSONS 11: the timer survives the restart.
TEST(Host, RotationThatCameDueWhileNobodyRanHappensAtTheStart) {
  MovableClock clock;
  TestStore store(clock);
  store.make();
  {
    const auto host = store.open();
    ASSERT_TRUE(host);
    EXPECT_EQ((*host)->current_generation(), Generation{1});
  }
  clock.advance(std::chrono::hours(24 * 29));
  {
    const auto host = store.open();
    ASSERT_TRUE(host);
    EXPECT_EQ((*host)->current_generation(), Generation{1});
  }
  clock.advance(std::chrono::hours(24 * 2));
  const auto host = store.open();
  ASSERT_TRUE(host);
  EXPECT_EQ((*host)->current_generation(), Generation{2});
}

TEST(Host, RotatesByVolumeByItself) {
  TestStore store;
  store.rotation = {.age = std::chrono::seconds(0), .bytes = 1 << 20};
  store.make();
  const auto host = store.open();
  ASSERT_TRUE(host);
  for (int i = 0; i < 1024; ++i) (*host)->add_sealed_bytes(Generation{1}, 1024);
  EXPECT_TRUE(eventually([&] { return (*host)->current_generation() == Generation{2}; }));
}

TEST(Host, SealedBytesSurviveTheClose) {
  TestStore store;
  store.make();
  {
    const auto host = store.open();
    ASSERT_TRUE(host);
    (*host)->add_sealed_bytes(Generation{1}, 4096);
  }
  const auto host = store.open();
  ASSERT_TRUE(host);
  EXPECT_EQ((*host)->ring().contents().generations.back().sealed_bytes, 4096U);
}

TEST(Host, CountersAreSavedWhileItRuns) {
  TestStore store;
  store.make();
  HostOptions options = store.options();
  options.upkeep.flush = std::chrono::milliseconds(1);
  const auto host = store.open(options);
  ASSERT_TRUE(host);
  (*host)->add_sealed_bytes(Generation{1}, 77);
  EXPECT_TRUE(eventually([&] {
    const auto found = keyring::KeyRing::inspect(io::posix_file_system(), store.layout.directory);
    return found && found->contents.generations.back().sealed_bytes == 77;
  }));
}

TEST(Host, FollowsANewVersionOfTheCmekByItself) {
  TestStore store;
  store.make();
  store.kms.rotate("cmek");
  HostOptions options = store.options();
  options.upkeep.kms_check = std::chrono::milliseconds(1);
  const auto host = store.open(options);
  ASSERT_TRUE(host);
  EXPECT_TRUE(eventually([&] {
    const auto client = store.kms.make_client(store.key);
    const auto due = (*host)->ring().rewrap_due(
        **client, Deadline::after(system_clock(), std::chrono::seconds(5)));
    return due && !*due;
  }));
}

TEST(Host, OrdersReachTheRing) {
  TestStore store;
  store.make();
  const auto host = store.open();
  ASSERT_TRUE(host);
  const ByteVector first = derived(**host, Generation{1});
  EXPECT_EQ((*host)->rotate_dek(), Generation{2});
  EXPECT_TRUE((*host)->rotate_kek());
  EXPECT_TRUE((*host)->rewrap());
  const kms::KeySpec other = store.kms.create_key("other");
  EXPECT_TRUE((*host)->rewrap_to(other));
  const keyring::Contents contents = (*host)->ring().contents();
  EXPECT_EQ(contents.kek_version, 2U);
  ASSERT_EQ(contents.lockboxes.size(), 1U);
  EXPECT_EQ(contents.lockboxes[0].spec, other);
  EXPECT_EQ(derived(**host, Generation{1}), first);
}

class Witness final : public store::KeyHolder {
 public:
  void wipe_keys() override { wiped = true; }
  bool wiped = false;
};

TEST(Host, AfterASealNobodyGetsAKey) {
  TestStore store;
  store.make();
  const auto host = store.open();
  ASSERT_TRUE(host);
  Witness witness;
  const auto place = (*host)->guard().add(witness);
  (*host)->seal("the test says so");
  EXPECT_TRUE(witness.wiped);
  EXPECT_EQ((*host)->current_generation().error().code(), Code::sealed);
  EXPECT_EQ((*host)->derive(Generation{1}, {}, {}).error().code(), Code::sealed);
  const ControlClient client{.layout = store.layout, .clock = system_clock()};
  const Deadline deadline = Deadline::after(system_clock(), std::chrono::seconds(5));
  EXPECT_EQ(client.ask_dek(Generation{1}, deadline).error().code(), Code::sealed);
  EXPECT_EQ(client.ask(format::HelloRequest{}, deadline).error().code(), Code::sealed);
  EXPECT_EQ((*host)->status().state, HostState::sealed);
  EXPECT_EQ((*host)->status().reason, "the test says so");
  (*host)->guard().remove(place);
}

// A change in flight has the KEK in its hands.
TEST(Host, ASealEndsOnlyWhenNoChangeIsInFlight) {
  const LogCapture log;
  TestStore store;
  store.make();
  std::atomic<bool> armed = false;
  std::promise<void> entered;
  std::promise<void> release;
  HostOptions options = store.options();
  options.clients = [&](const kms::KeySpec& spec, const kms::Caller&) {
    if (armed.exchange(false)) {
      entered.set_value();
      release.get_future().wait();
    }
    return store.kms.make_client(spec);
  };
  const auto host = store.open(options);
  ASSERT_TRUE(host);
  armed = true;
  auto change = std::async(std::launch::async, [&] { return (*host)->rotate_kek(); });
  entered.get_future().wait();
  auto seal = std::async(std::launch::async, [&] { (*host)->seal("test"); });
  EXPECT_TRUE(eventually([&] {
    const store::SealGuard::Use use((*host)->guard());
    return !use.check();
  }));
  EXPECT_EQ(seal.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  release.set_value();
  seal.wait();
  EXPECT_EQ(change.get().error().code(), Code::sealed);
}

TEST(Host, SaysWhetherItListensForClones) {
  TestStore store;
  store.make();
  const auto host = store.open();
  ASSERT_TRUE(host);
  const bool can_listen = crypto::start_clone_listener();
  EXPECT_EQ((*host)->status().clone_detection, can_listen);
  const auto read_back = host_status_from_json(to_json_text((*host)->status()));
  ASSERT_TRUE(read_back) << read_back.error().message();
  EXPECT_EQ(read_back->clone_detection, can_listen);
}

TEST(Host, RemovesLeftoversOnlyWhenAsked) {
  TestStore store;
  store.make();
  const std::string leftover = store.path + "/" + std::string(store::kTemporaryPrefix) + "ab";
  auto& files = io::posix_file_system();
  ASSERT_TRUE(io::replace_file(files, leftover, as_bytes("half a file")));
  ASSERT_TRUE(store.open());
  EXPECT_EQ(io::exists(files, leftover), true);
  HostOptions options = store.options();
  options.remove_leftovers = true;
  ASSERT_TRUE(store.open(options));
  EXPECT_EQ(io::exists(files, leftover), false);
}

TEST(HostConfig, MissingIsIntegrityUntilTheOperatorDecides) {
  TestStore store;
  store.make();
  ASSERT_TRUE(io::posix_file_system().remove(store.layout.config));
  EXPECT_EQ(store.open().error().code(), Code::integrity);
  HostOptions options = store.options();
  options.accept_rollback = true;
  ASSERT_TRUE(store.open(options));
  EXPECT_TRUE(store.open());
}

TEST(HostConfig, EveryFlippedBitIsNoticed) {
  TestStore store;
  store.make();
  auto& files = io::posix_file_system();
  const auto good = io::read_file(files, store.layout.config, 8192);
  ASSERT_TRUE(good);
  HostOptions options = store.options();
  options.start_socket = false;
  for (std::size_t at = 0; at < good->size(); ++at) {
    ByteVector bad = *good;
    bad[at] ^= 0x10;
    ASSERT_TRUE(io::replace_file(files, store.layout.config, bad));
    const auto host = store.open(options);
    ASSERT_FALSE(host) << "byte " << at;
    const Code code = host.error().code();
    EXPECT_TRUE(code == Code::integrity || code == Code::unsupported) << "byte " << at;
  }
}

TEST(HostConfig, ThatOfAnotherStoreIsRefused) {
  TestStore one;
  TestStore two;
  one.make();
  two.make();
  auto& files = io::posix_file_system();
  const auto config = io::read_file(files, two.layout.config, 8192);
  ASSERT_TRUE(config);
  ASSERT_TRUE(io::replace_file(files, one.layout.config, *config));
  EXPECT_EQ(one.open().error().code(), Code::integrity);
}

TEST(HostConfig, RemembersTheAnchorThatNoticesARollback) {
  TestStore store;
  store.anchor = store.scratch / "anchor";
  store.make();
  auto& files = io::posix_file_system();
  const std::string a = store.layout.directory + "/keyring.a";
  const std::string b = store.layout.directory + "/keyring.b";
  const auto old = io::read_file(files, a, 1 << 20);
  {
    const auto host = store.open();
    ASSERT_TRUE(host) << host.error().message();
    EXPECT_TRUE((*host)->ring().health().detects_rollback);
    ASSERT_TRUE((*host)->rotate_dek());
  }
  ASSERT_TRUE(io::replace_file(files, a, *old));
  ASSERT_TRUE(io::replace_file(files, b, *old));
  EXPECT_EQ(store.open().error().code(), Code::rollback);
}

TEST(HostConfig, ANamedAnchorTakesThePlaceOfTheRememberedOne) {
  TestStore store;
  store.anchor = store.scratch / "anchor";
  store.make();
  const std::string moved = store.scratch / "moved";
  ASSERT_TRUE(io::posix_file_system().rename(store.anchor, moved));
  EXPECT_FALSE(store.open());
  HostOptions options = store.options();
  options.anchor_path = moved;
  ASSERT_TRUE(store.open(options));
  EXPECT_TRUE(store.open());
}

TEST(HostConfig, ARelativeAnchorIsRefused) {
  TestStore store;
  store.make();
  HostOptions options = store.options();
  options.anchor_path = "anchor";
  EXPECT_EQ(store.open(options).error().code(), Code::invalid_argument);
}

}  // namespace
}  // namespace keyhold::host
