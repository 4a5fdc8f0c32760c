// The lease of a real host: real threads and clocks, quick policies, a fake KMS.
#include <fstream>
#include <future>
#include <iterator>

#include <gtest/gtest.h>

#include "base/timestamp.h"
#include "host/attach.h"
#include "host/remote_keys.h"
#include "host/test_store.h"
#include "host/tombstone.h"
#include "io/fault_file_system.h"

namespace keyhold::host {
namespace {

using std::chrono::milliseconds;

// A store whose host keeps a lease, and an engine that remembers what was asked of it.
class LeaseTest : public testing::Test {
 protected:
  LeaseTest() { store_.make(); }

  HostOptions options() const {
    HostOptions options = store_.options();
    options.keeps_lease = true;
    options.lease = policy_;
    return options;
  }
  void open() {
    auto opened = store_.open(options());
    ASSERT_TRUE(opened) << opened.error().message();
    host_ = *std::move(opened);
  }
  bool reaches(HostState state) const {
    return eventually([&] { return host_->status().state == state; });
  }
  // As RocksDB reads: I/O counts where the guard says so.
  static Status use(StoreKeys& keys) {
    KEYHOLD_TRY(keys.prepare(Generation{1}));
    const store::SealGuard::Use use(keys.guard());
    KEYHOLD_TRY(use.check());
    KEYHOLD_TRY(keys.derive(Generation{1}, {}, {}));
    return {};
  }
  static Code code_of_use(StoreKeys& keys) {
    const Status used = use(keys);
    return used ? Code::internal : used.error().code();
  }

  const LogCapture log_;
  TestStore store_;
  control::LeasePolicy policy_ = quick_policy();
  std::unique_ptr<Host> host_;
};

TEST_F(LeaseTest, ADenialSealsAndAccessThatReturnsServesAgain) {
  open();
  const ByteVector key = derived(*host_, Generation{1});
  store_.kms.disable("cmek");
  ASSERT_TRUE(reaches(HostState::sealed));
  EXPECT_GT(host_->status().state_since, host_->status().started);
  EXPECT_EQ(code_of_use(*host_), Code::sealed);
  EXPECT_EQ(host_->ring().current_generation().error().code(), Code::sealed);
  EXPECT_NE(host_->status().reason.find("denied"), std::string::npos);
  store_.kms.enable("cmek");
  ASSERT_TRUE(reaches(HostState::serving));
  EXPECT_EQ(derived(*host_, Generation{1}), key);
  EXPECT_TRUE(host_->rotate_dek());
  EXPECT_TRUE(host_->status().reason.empty());
}

TEST_F(LeaseTest, AnOutageWithinTheGraceSealsNothing) {
  open();
  const std::uint64_t before = store_.kms.calls(kms::Operation::probe);
  store_.kms.script_all(kms::ScriptedOutcome::failing(kms::Fault::unavailable));
  ASSERT_TRUE(reaches(HostState::degraded));
  ASSERT_TRUE(eventually([&] { return store_.kms.calls(kms::Operation::probe) > before + 5; }));
  EXPECT_TRUE(use(*host_));
  store_.kms.script_all(std::nullopt);
  EXPECT_TRUE(reaches(HostState::serving));
}

TEST_F(LeaseTest, AnOutageBeyondTheGraceSeals) {
  policy_.grace = milliseconds(100);
  open();
  store_.kms.script_all(kms::ScriptedOutcome::failing(kms::Fault::throttled));
  ASSERT_TRUE(reaches(HostState::sealed));
  EXPECT_NE(host_->status().reason.find("grace"), std::string::npos);
  store_.kms.script_all(std::nullopt);
  EXPECT_TRUE(reaches(HostState::serving));
}

TEST_F(LeaseTest, AnAmbiguousAnswerIsADenialWhereThePolicySaysSo) {
  policy_.ambiguous = control::AmbiguousRule::denial;
  open();
  store_.kms.script_all(kms::ScriptedOutcome::failing(kms::Fault::ambiguous));
  EXPECT_TRUE(reaches(HostState::sealed));
}

TEST_F(LeaseTest, TheEngineIsFencedWhileItsReadsAreAnswered) {
  open();
  std::atomic<bool> read_in_fence = false;
  std::atomic<int> ended = 0;
  std::atomic<int> resumed = 0;
  host_->set_engine({.fence =
                         [&](const std::string&, Deadline) {
                           read_in_fence = use(*host_).has_value();
                           return true;
                         },
                     .end = [&](const std::string&) { ++ended; },
                     .resume = [&] { ++resumed; }});
  store_.kms.disable("cmek");
  ASSERT_TRUE(reaches(HostState::sealed));
  EXPECT_TRUE(read_in_fence);
  EXPECT_EQ(ended, 0);
  store_.kms.enable("cmek");
  ASSERT_TRUE(eventually([&] { return resumed == 1; }));
  host_->set_engine({});
}

TEST_F(LeaseTest, AnEngineThatIsNotFencedIsEndedAfterTheWipe) {
  open();
  std::atomic<bool> ended_without_keys = false;
  host_->set_engine(
      {.fence = [](const std::string&, Deadline) { return false; },
       .end = [&](const std::string&) { ended_without_keys = code_of_use(*host_) == Code::sealed; },
       .resume = {}});
  store_.kms.disable("cmek");
  ASSERT_TRUE(eventually([&] { return ended_without_keys.load(); }));
  host_->set_engine({});
}

TEST_F(LeaseTest, ALocalOrderOutlivesTheHostAndIsUndoneByItsLike) {
  open();
  ASSERT_TRUE(host_->order_seal());
  EXPECT_EQ(host_->status().state, HostState::sealed);
  EXPECT_EQ(code_of_use(*host_), Code::sealed);
  host_.reset();
  const auto refused = store_.open(options());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::sealed);
  EXPECT_NE(refused.error().message().find("keyhold store unseal"), std::string::npos);
  ASSERT_TRUE(clear_tombstone(io::posix_file_system(), store_.layout));
  open();
  ASSERT_TRUE(host_->order_seal());
  ASSERT_TRUE(host_->order_unseal());
  EXPECT_TRUE(reaches(HostState::serving));
  EXPECT_FALSE(read_tombstone(io::posix_file_system(), store_.layout));
}

TEST_F(LeaseTest, AnOrderIsNotDoneBeforeItIsOnDisk) {
  io::FaultFileSystem faulty(io::posix_file_system());
  const Environment machine{
      .files = faulty, .clock = store_.clock, .random = crypto::system_random()};
  auto opened = Host::open(machine, store_.path, options());
  ASSERT_TRUE(opened) << opened.error().message();
  host_ = *std::move(opened);
  faulty.set_fault({.at = 1, .error_number = ENOSPC, .lasts = io::Fault::Lasts::from_there_on});
  auto order = std::async(std::launch::async, [&] { return host_->order_seal(); });
  ASSERT_TRUE(reaches(HostState::sealed));
  EXPECT_EQ(code_of_use(*host_), Code::sealed);
  EXPECT_EQ(order.wait_for(milliseconds(300)), std::future_status::timeout);
  faulty.set_fault({});
  EXPECT_TRUE(order.get());
  const auto tombstone = read_tombstone(io::posix_file_system(), store_.layout);
  ASSERT_TRUE(tombstone);
  EXPECT_EQ(tombstone->cause, control::SealCause::local_order);
  host_.reset();
}

// Also where the store is sealed already: the KMS's return would else undo what was acknowledged.
TEST_F(LeaseTest, AnOrderToASealedHostIsNotDoneBeforeItIsOnDisk) {
  io::FaultFileSystem faulty(io::posix_file_system());
  auto opened =
      Host::open({.files = faulty, .clock = store_.clock, .random = crypto::system_random()},
                 store_.path, options());
  ASSERT_TRUE(opened) << opened.error().message();
  host_ = *std::move(opened);
  store_.kms.disable("cmek");
  ASSERT_TRUE(reaches(HostState::sealed));
  faulty.set_fault({.at = 1, .error_number = ENOSPC, .lasts = io::Fault::Lasts::from_there_on});
  auto order = std::async(std::launch::async, [&] { return host_->order_seal(); });
  EXPECT_EQ(order.wait_for(milliseconds(300)), std::future_status::timeout);
  faulty.set_fault({});
  EXPECT_TRUE(order.get());
  EXPECT_TRUE(read_tombstone(io::posix_file_system(), store_.layout));
  host_.reset();
}

// The order comes while the host asks its KMS for the keys.
TEST_F(LeaseTest, AnOrderThatComesAtTheStartIsNotForgotten) {
  HostOptions waiting = options();
  waiting.waits_while_sealed = true;
  std::atomic<int> asked = 0;
  waiting.clients = [&](const kms::KeySpec& spec, const kms::Caller&) {
    if (asked++ == 0) {
      const ControlClient client{.layout = store_.layout, .clock = store_.clock};
      const auto sealed =
          client.ask(format::SealRequest{}, Deadline::after(store_.clock, std::chrono::seconds(5)));
      EXPECT_TRUE(sealed) << sealed.error().message();
    }
    return store_.kms.make_client(spec);
  };
  auto opening = std::async(std::launch::async, [&] { return store_.open(waiting); });
  EXPECT_EQ(opening.wait_for(milliseconds(500)), std::future_status::timeout);
  const ControlClient client{.layout = store_.layout, .clock = store_.clock};
  ASSERT_TRUE(
      client.ask(format::UnsealRequest{}, Deadline::after(store_.clock, std::chrono::seconds(5))));
  EXPECT_TRUE(opening.get());
}

TEST_F(LeaseTest, AClientServesAgainAfterARotationThatItSleptThrough) {
  open();
  auto client = RemoteKeys::connect(store_.clock, store_.path, std::chrono::seconds(5));
  ASSERT_TRUE(client) << client.error().message();
  ASSERT_TRUE(host_->rotate_dek());  // the client has not heard of it when its host goes
  host_.reset();
  ASSERT_TRUE(eventually([&] { return code_of_use(**client) == Code::sealed; }));
  open();
  ASSERT_TRUE(eventually([&] { return use(**client).has_value(); }));
  // An engine's thread may be first, and fetches what it needs itself; the newest key follows.
  EXPECT_TRUE(eventually([&] {
    const auto current = (*client)->current_generation();
    return current && *current == Generation{2};
  }));
}

TEST_F(LeaseTest, AnotherOrdersTombstoneStays) {
  open();
  ASSERT_TRUE(write_tombstone(io::posix_file_system(), store_.layout,
                              {.cause = control::SealCause::order, .at = WallTime()}));
  host_.reset();
  HostOptions waiting = options();
  waiting.waits_while_sealed = true;
  auto opening = std::async(std::launch::async, [&] { return store_.open(waiting); });
  const ControlClient client{.layout = store_.layout, .clock = store_.clock};
  const auto soon = [&] { return Deadline::after(store_.clock, std::chrono::seconds(5)); };
  ASSERT_TRUE(eventually([&] { return client.ask(format::StatusRequest{}, soon()).has_value(); }));
  EXPECT_EQ(client.ask(format::UnsealRequest{}, soon()).error().code(), Code::invalid_argument);
  ASSERT_TRUE(clear_tombstone(io::posix_file_system(), store_.layout));
  EXPECT_TRUE(opening.get());
}

TEST_F(LeaseTest, AnAgentWaitsOutADenialAtItsStart) {
  store_.kms.disable("cmek");
  HostOptions waiting = options();
  waiting.retry.wait = kForever;
  waiting.retry.denials_too = true;
  auto opening = std::async(std::launch::async, [&] { return store_.open(waiting); });
  ASSERT_TRUE(eventually([&] { return store_.kms.calls(kms::Operation::unwrap) > 2; }));
  store_.kms.enable("cmek");
  EXPECT_TRUE(opening.get());
}

TEST_F(LeaseTest, AClientIsSealedWithItsHostAndServesAgainWithIt) {
  open();
  auto client = RemoteKeys::connect(store_.clock, store_.path, std::chrono::seconds(5));
  ASSERT_TRUE(client) << client.error().message();
  std::atomic<int> fenced = 0;
  std::atomic<int> resumed = 0;
  (*client)->set_engine({.fence =
                             [&](const std::string&, Deadline) {
                               ++fenced;
                               return true;
                             },
                         .end = {},
                         .resume = [&] { ++resumed; }});
  ASSERT_TRUE(use(**client));
  store_.kms.disable("cmek");
  ASSERT_TRUE(eventually([&] { return code_of_use(**client) == Code::sealed; }));
  ASSERT_TRUE(eventually([&] { return fenced == 1; }));
  store_.kms.enable("cmek");
  ASSERT_TRUE(eventually([&] { return use(**client).has_value(); }));
  EXPECT_TRUE(eventually([&] { return resumed == 1; }));
}

// The host is gone, or stands still: no word of a denial would come either.
TEST_F(LeaseTest, AClientWhoseHostIsSilentIsSealedWhenItsTimeIsOver) {
  open();
  const StoreId store = host_->store_id();
  auto client = RemoteKeys::connect(store_.clock, store_.path, std::chrono::seconds(5));
  ASSERT_TRUE(client) << client.error().message();
  const BootTime last_word = store_.clock.boot_now();
  host_.reset();
  ASSERT_TRUE(use(**client));
  ASSERT_TRUE(eventually([&] { return code_of_use(**client) == Code::sealed; }));
  EXPECT_LE(store_.clock.boot_now() - last_word, std::chrono::seconds(7));
  open();
  ASSERT_EQ(host_->store_id(), store);
  EXPECT_TRUE(eventually([&] { return use(**client).has_value(); }));
}

TEST_F(LeaseTest, AnotherCmekTakesTheFirstOnesPlace) {
  open();
  const kms::KeySpec other = store_.kms.create_key("other");
  ASSERT_TRUE(host_->rewrap_to(other));
  store_.kms.disable("cmek");  // nobody asks it any more
  const std::uint64_t before = store_.kms.calls(kms::Operation::probe);
  ASSERT_TRUE(eventually([&] { return store_.kms.calls(kms::Operation::probe) > before + 5; }));
  EXPECT_TRUE(use(*host_));
  store_.kms.disable("other");
  EXPECT_TRUE(reaches(HostState::sealed));
}

TEST_F(LeaseTest, AScheduledDeletionIsToldWithItsDate) {
  open();
  store_.kms.schedule_deletion("cmek", 7);
  ASSERT_TRUE(reaches(HostState::sealed));
  ASSERT_TRUE(
      eventually([&] { return log_.text().find("ALERT pending_deletion") != std::string::npos; }));
  const auto client = *store_.kms.make_client(store_.key);
  const auto key = client->describe(Deadline::after(store_.clock, std::chrono::seconds(1)));
  ASSERT_TRUE(key && key->deletion_date);
  std::ifstream audit(store_.layout.audit + "/0000000000000001.jsonl");
  const std::string lines(std::istreambuf_iterator<char>(audit), {});
  EXPECT_NE(lines.find("with it, at " + format_timestamp(*key->deletion_date)), std::string::npos);
}

}  // namespace
}  // namespace keyhold::host
