// Starts while the KMS is away, says no, or gives another key.
#include <thread>

#include <gmock/gmock.h>

#include "host/attach.h"
#include "host/control_client.h"
#include "host/host.h"
#include "host/test_store.h"

namespace keyhold::host {
namespace {

using kms::Fault;
using kms::Operation;
using kms::ScriptedOutcome;
using testing::HasSubstr;

TEST(HostStart, KmsDownFailsAtOnceWhereNobodyWaits) {
  TestStore store;
  store.make();
  store.kms.script_all(ScriptedOutcome::failing(Fault::unavailable));
  const std::uint64_t before = store.kms.calls(Operation::unwrap);
  const auto host = store.open();
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().code(), Code::unavailable);
  EXPECT_EQ(store.kms.calls(Operation::unwrap) - before, 1U);
}

TEST(HostStart, WaitsForAKmsThatComesBackAndSaysSo) {
  TestStore store;
  store.make();
  const LogCapture log;
  store.kms.script(Operation::unwrap, {ScriptedOutcome::failing(Fault::unavailable),
                                       ScriptedOutcome::failing(Fault::throttled),
                                       ScriptedOutcome::failing(Fault::unavailable)});
  HostOptions options = store.options();
  options.retry.wait = kForever;
  const auto host = store.open(options);
  ASSERT_TRUE(host) << host.error().message();
  EXPECT_EQ(store.kms.pending_script(Operation::unwrap), 0U);
  EXPECT_THAT(log.text(), HasSubstr("waits for its KMS, next attempt in"));
}

TEST(HostStart, GivesUpWhenTheWaitIsOver) {
  TestStore store;
  store.make();
  store.kms.script_all(ScriptedOutcome::failing(Fault::unavailable));
  HostOptions options = store.options();
  options.retry.wait = std::chrono::milliseconds(30);
  EXPECT_EQ(store.open(options).error().code(), Code::unavailable);
}

TEST(HostStart, ADenialEndsItAtOnceHoweverLongItMayWait) {
  for (const Fault fault : {Fault::denied, Fault::disabled, Fault::not_found}) {
    TestStore store;
    store.make();
    store.kms.script_all(ScriptedOutcome::failing(fault));
    const std::uint64_t before = store.kms.calls(Operation::unwrap);
    HostOptions options = store.options();
    options.retry.wait = kForever;
    const auto host = store.open(options);
    ASSERT_FALSE(host);
    EXPECT_EQ(host.error().code(), Code::denied) << kms::fault_name(fault);
    EXPECT_EQ(exit_status(host.error().code()), 3);
    EXPECT_EQ(store.kms.calls(Operation::unwrap) - before, 1U);
  }
}

TEST(HostStart, ADisabledCmekDeniesAndAnEnabledOneOpensAgain) {
  TestStore store;
  store.make();
  store.kms.disable("cmek");
  EXPECT_EQ(store.open().error().code(), Code::denied);
  store.kms.enable("cmek");
  EXPECT_TRUE(store.open());
}

TEST(HostStart, AnOutageThatTurnsIntoADenialIsADenial) {
  TestStore store;
  store.make();
  store.kms.script(Operation::unwrap, {ScriptedOutcome::failing(Fault::unavailable),
                                       ScriptedOutcome::failing(Fault::denied)});
  HostOptions options = store.options();
  options.retry.wait = kForever;
  EXPECT_EQ(store.open(options).error().code(), Code::denied);
}

TEST(HostStart, AKmsThatGivesAnotherKeyIsWrongKey) {
  TestStore store;
  store.make();
  store.kms.script(Operation::unwrap, {ScriptedOutcome::bent(ScriptedOutcome::Bend::wrong_key)});
  EXPECT_EQ(store.open().error().code(), Code::wrong_key);
}

// A host that waits for its KMS, in a thread of its own.
class WaitingHost {
 public:
  explicit WaitingHost(TestStore& store) : store_(store) {
    store_.kms.script_all(ScriptedOutcome::failing(Fault::unavailable));
    HostOptions options = store_.options();
    options.retry.wait = kForever;
    thread_ = std::thread([this, options] {
      auto host = store_.open(options);
      ASSERT_TRUE(host) << host.error().message();
      host_ = *std::move(host);
    });
  }
  ~WaitingHost() {
    release();
    if (thread_.joinable()) thread_.join();
  }
  WaitingHost(const WaitingHost&) = delete;
  WaitingHost& operator=(const WaitingHost&) = delete;

  void release() { store_.kms.script_all(std::nullopt); }

 private:
  TestStore& store_;
  std::thread thread_;
  std::unique_ptr<Host> host_;
};

Error hello_error(const TestStore& store) {
  const ControlClient client{.layout = store.layout, .clock = system_clock()};
  const auto reply =
      client.ask(format::HelloRequest{}, Deadline::after(system_clock(), std::chrono::seconds(5)));
  return reply ? Error(Code::internal, "it answers") : reply.error();
}

TEST(WaitingHost, TellsItsClientsThatItWaits) {
  TestStore store;
  store.make();
  const LogCapture log;
  const WaitingHost waiting(store);
  ASSERT_TRUE(eventually([&] { return hello_error(store).code() == Code::unavailable; }));
  EXPECT_THAT(hello_error(store).message(), HasSubstr("waits for its KMS"));

  const ControlClient client{.layout = store.layout, .clock = system_clock()};
  const Deadline deadline = Deadline::after(system_clock(), std::chrono::seconds(5));
  EXPECT_EQ(client.ask_dek(Generation{0}, deadline).error().code(), Code::unavailable);
  EXPECT_EQ(client.ask(format::RotateRequest{format::RotateTarget::dek}, deadline).error().code(),
            Code::unavailable);
  const auto status =
      expect_reply<format::StatusReply>(client.ask(format::StatusRequest{}, deadline));
  ASSERT_TRUE(status);
  const auto parsed = host_status_from_json(status->json);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->state, HostState::waiting_for_kms);
  EXPECT_FALSE(parsed->last_kms_problem.empty());
}

TEST(WaitingHost, AnotherProgramWaitsBehindItOrFailsAtOnceAsItIsTold) {
  TestStore store;
  store.make();
  const LogCapture log;
  WaitingHost waiting(store);
  ASSERT_TRUE(eventually([&] { return hello_error(store).code() == Code::unavailable; }));

  AttachOptions hasty{.host = store.options()};
  EXPECT_EQ(attach(store.machine(), store.path, hasty).error().code(), Code::unavailable);

  AttachOptions patient{.host = store.options()};
  patient.host.retry.wait = kForever;
  waiting.release();
  const auto keys = attach(store.machine(), store.path, patient);
  ASSERT_TRUE(keys) << keys.error().message();
  EXPECT_EQ((*keys)->role(), Role::client);
}

}  // namespace
}  // namespace keyhold::host
