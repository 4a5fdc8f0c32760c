// An order to seal that comes while an agent waits out an outage at its start.
#include <future>

#include <gtest/gtest.h>

#include "host/control_client.h"
#include "host/test_store.h"

namespace keyhold::host {
namespace {

TEST(SealedStart, ASealInAnOutageIsWaitedOutLikeOneFromBefore) {
  const LogCapture log;
  TestStore store;
  store.make();
  store.kms.script_all(kms::ScriptedOutcome::failing(kms::Fault::unavailable));
  HostOptions agent = store.options();
  agent.retry.wait = kForever;
  agent.waits_while_sealed = true;
  auto opening = std::async(std::launch::async, [&] { return store.open(agent); });
  ASSERT_TRUE(eventually([&] { return store.kms.calls(kms::Operation::unwrap) > 2; }));
  const ControlClient client{.layout = store.layout, .clock = store.clock};
  const auto soon = [&] { return Deadline::after(store.clock, std::chrono::seconds(5)); };
  const auto is_sealed = [&] {
    const auto reply =
        expect_reply<format::StatusReply>(client.ask(format::StatusRequest{}, soon()));
    const auto status = reply ? host_status_from_json(reply->json) : fail(reply.error());
    return status && status->state == HostState::sealed;
  };
  ASSERT_TRUE(client.ask(format::SealRequest{}, soon()));
  EXPECT_TRUE(eventually(is_sealed));
  store.kms.script_all(std::nullopt);
  EXPECT_TRUE(client.ask(format::UnsealRequest{}, soon()));
  const auto host = opening.get();
  ASSERT_TRUE(host) << host.error().message();
  EXPECT_EQ((*host)->status().state, HostState::serving);
}

}  // namespace
}  // namespace keyhold::host
