#include "host/alerts.h"

#include <atomic>
#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "kms/local/scratch_directory.h"
#include "net/test_server.h"

namespace keyhold::host {
namespace {

using net::TestServer;
using std::chrono::milliseconds;

// What is logged while it lives.
class Captured {
 public:
  Captured() {
    log::set_sink([this](log::Level, std::string_view message) {
      const std::lock_guard lock(mutex_);
      text_.append(message).append("\n");
    });
  }
  ~Captured() { log::set_sink({}); }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  [[nodiscard]] std::size_t count(const std::string& part) const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text_.find(part, at)) != std::string::npos; ++at) ++count;
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

AlertTargets to(const TestServer& server) {
  AlertTargets targets;
  targets.webhook_url = server.url("/hook");
  targets.first_pause = milliseconds(1);
  targets.longest_pause = milliseconds(4);
  return targets;
}

Alert alert(AlertKind kind, const std::string& lockbox = "local:///k/orders") {
  Alert made;
  made.kind = kind;
  made.store = "/srv/store";
  made.text = "the key is disabled";
  made.lockbox = lockbox;
  return made;
}

class AlertsTest : public testing::Test {
 protected:
  [[nodiscard]] static Deadline soon() {
    return Deadline::after(system_clock(), std::chrono::seconds(10));
  }

  Captured log_;
  ManualClock clock_;
};

TEST_F(AlertsTest, WithoutAWebhookTheLogAloneHears) {
  Alerts alerts(clock_, crypto::system_random(), {});
  alerts.raise(alert(AlertKind::denial));
  EXPECT_EQ(
      log_.count("ALERT denial: store /srv/store, key local:///k/orders: the key is disabled"), 1U);
  EXPECT_TRUE(alerts.flush(soon()));
}

TEST_F(AlertsTest, TheWebhookGetsJson) {
  TestServer server;
  {
    Alerts alerts(clock_, crypto::system_random(), to(server));
    Alert deletion = alert(AlertKind::pending_deletion);
    deletion.text = "quote \" and \xff";
    deletion.deletion_date = *parse_timestamp("2026-12-01T00:00:00.000Z");
    alerts.raise(deletion);
    ASSERT_TRUE(alerts.flush(soon()));
  }
  const auto received = server.received();
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].method, "POST");
  EXPECT_EQ(received[0].target, "/hook");
  EXPECT_EQ(received[0].headers.at("content-type"), "application/json");
  EXPECT_FALSE(received[0].headers.contains("authorization"));
  const std::string id = received[0].headers.at("idempotency-key");
  EXPECT_EQ(id.size(), 32U);
  EXPECT_EQ(received[0].body,
            R"({"alert":"pending_deletion","deletion_date":"2026-12-01T00:00:00.000Z","id":")" +
                id +
                R"(","lockbox":"local:///k/orders","product":"keyhold","severity":"critical",)"
                R"("store":"/srv/store","text":"quote \" and )"
                "\xef\xbf\xbd"
                R"(","time":"2023-11-14T22:13:20.000Z"})");
  EXPECT_EQ(log_.count("(on 2026-12-01T00:00:00.000Z)"), 1U);
}

TEST_F(AlertsTest, EveryKindHasANameOfItsOwnAndIsDelivered) {
  TestServer server;
  std::set<std::string_view> names;
  Alerts alerts(clock_, crypto::system_random(), to(server));
  for (int kind = 0; kind <= static_cast<int>(AlertKind::audit_broken); ++kind) {
    names.insert(alert_name(static_cast<AlertKind>(kind)));
    alerts.raise(alert(static_cast<AlertKind>(kind)));
  }
  EXPECT_EQ(names.size(), 12U);
  EXPECT_TRUE(alerts.flush(soon()));
  EXPECT_EQ(server.received().size(), 12U);
}

TEST_F(AlertsTest, TheDocumentNamesEveryKind) {
  std::ifstream file(std::string(KEYHOLD_DOCS_DIR) + "/alerts.md");
  const std::string document{std::istreambuf_iterator<char>(file), {}};
  for (int kind = 0; kind <= static_cast<int>(AlertKind::audit_broken); ++kind) {
    const std::string name(alert_name(static_cast<AlertKind>(kind)));
    EXPECT_NE(document.find("| `" + name + "` |"), std::string::npos) << name;
  }
}

TEST_F(AlertsTest, TheSameConditionIsRaisedOnce) {
  Alerts alerts(clock_, crypto::system_random(), {});
  for (int i = 0; i < 3; ++i) alerts.raise(alert(AlertKind::denial));
  EXPECT_EQ(log_.count("ALERT denial:"), 1U);
  alerts.raise(alert(AlertKind::denial, "local:///k/other"));
  EXPECT_EQ(log_.count("ALERT denial:"), 2U);
  Alert other_store = alert(AlertKind::denial);
  other_store.store = "/srv/other";
  alerts.raise(other_store);
  EXPECT_EQ(log_.count("ALERT denial:"), 3U);
}

TEST_F(AlertsTest, AChangeOfTheConditionIsNews) {
  Alerts alerts(clock_, crypto::system_random(), {});
  const std::pair<AlertKind, AlertKind> kPairs[] = {
      {AlertKind::denial, AlertKind::denial_cleared},
      {AlertKind::outage_begin, AlertKind::outage_end},
      {AlertKind::sealed, AlertKind::unsealed},
      {AlertKind::pending_deletion, AlertKind::deletion_cancelled}};
  for (const auto& [begin, end] : kPairs) {
    for (int round = 0; round < 2; ++round) {
      alerts.raise(alert(begin));
      alerts.raise(alert(end));
      alerts.raise(alert(end));
    }
    EXPECT_EQ(log_.count("ALERT " + std::string(alert_name(begin)) + ":"), 2U);
    EXPECT_EQ(log_.count("ALERT " + std::string(alert_name(end)) + ":"), 2U);
  }
  Alert deletion = alert(AlertKind::pending_deletion);
  for (const int day : {1, 1, 2}) {
    deletion.deletion_date = WallTime(std::chrono::hours(24 * day));
    alerts.raise(deletion);
  }
  EXPECT_EQ(log_.count("ALERT pending_deletion:"), 4U);
  alerts.raise(alert(AlertKind::stuck_host));
  alerts.clear(AlertKind::stuck_host, "/srv/store", "local:///k/orders");
  alerts.raise(alert(AlertKind::stuck_host));
  EXPECT_EQ(log_.count("ALERT stuck_host:"), 2U);
}

TEST_F(AlertsTest, AnOutageOfTheWebhookIsWaitedOutWithTheSameId) {
  std::atomic<int> calls = 0;
  TestServer server([&](const TestServer::Received&) -> std::string {
    const int call = ++calls;
    if (call == 1) return "";
    return TestServer::reply(call == 2 ? 503 : call == 3 ? 429 : 200);
  });
  Alerts alerts(clock_, crypto::system_random(), to(server));
  alerts.raise(alert(AlertKind::sealed));
  alerts.raise(alert(AlertKind::unsealed));
  ASSERT_TRUE(alerts.flush(soon()));
  const auto received = server.received();
  ASSERT_EQ(received.size(), 5U);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < 4; ++i) ids.insert(received[i].headers.at("idempotency-key"));
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_NE(received[4].body.find("\"unsealed\""), std::string::npos);
  EXPECT_EQ(log_.count("webhook: alert sealed was delivered"), 1U);
}

TEST_F(AlertsTest, ARefusalIsGivenUpAndTheNextAlertGoesOut) {
  std::atomic<int> calls = 0;
  TestServer server([&](const TestServer::Received&) {
    return ++calls == 1 ? TestServer::reply(302, "", "Location: /elsewhere\r\n")
                        : TestServer::reply(204);
  });
  Alerts alerts(clock_, crypto::system_random(), to(server));
  alerts.raise(alert(AlertKind::sealed));
  alerts.raise(alert(AlertKind::unsealed));
  ASSERT_TRUE(alerts.flush(soon()));
  EXPECT_EQ(server.received().size(), 2U);
  EXPECT_TRUE(server.has_received(2));
}

TEST_F(AlertsTest, AttemptsEndAtTheirBound) {
  TestServer server(TestServer::always(500));
  AlertTargets targets = to(server);
  targets.max_attempts = 3;
  Alerts alerts(clock_, crypto::system_random(), targets);
  alerts.raise(alert(AlertKind::sealed));
  ASSERT_TRUE(alerts.flush(soon()));
  EXPECT_EQ(server.received().size(), 3U);
}

// A webhook that hangs holds up nobody; the queue is bounded, and the newest alerts are in it.
TEST_F(AlertsTest, AHangingWebhookBlocksNobodyAndTheOldestGoes) {
  std::atomic<bool> hangs = true;
  TestServer server([&](const TestServer::Received&) {
    hangs.wait(true);
    return TestServer::reply(200);
  });
  AlertTargets targets = to(server);
  targets.max_queued = 4;
  Alerts alerts(clock_, crypto::system_random(), targets);
  const BootTime before = system_clock().boot_now();
  for (int i = 0; i < 10; ++i) alerts.raise(alert(AlertKind::denial, std::to_string(i)));
  EXPECT_LT(system_clock().boot_now() - before, milliseconds(2000));
  EXPECT_FALSE(alerts.flush(Deadline::after(clock_, milliseconds(0))));
  EXPECT_EQ(log_.count("the oldest that waited was dropped"), 6U);
  hangs = false;
  hangs.notify_all();
  ASSERT_TRUE(alerts.flush(soon()));
  const auto received = server.received();
  EXPECT_LE(received.size(), 5U);
  EXPECT_NE(received.back().body.find(R"("lockbox":"9")"), std::string::npos);
}

TEST_F(AlertsTest, TheEndWaitsForDeliveryButNotForEver) {
  std::atomic<bool> hangs = true;
  TestServer server([&](const TestServer::Received&) {
    hangs.wait(true);
    return TestServer::reply(200);
  });
  AlertTargets targets = to(server);
  targets.linger = milliseconds(50);
  const BootTime before = system_clock().boot_now();
  {
    Alerts alerts(clock_, crypto::system_random(), targets);
    alerts.raise(alert(AlertKind::sealed));
  }
  EXPECT_LT(system_clock().boot_now() - before, milliseconds(5000));
  EXPECT_EQ(log_.count("1 alerts were not delivered"), 1U);
  hangs = false;
  hangs.notify_all();
}

TEST_F(AlertsTest, TheTokenIsReadForEachAttemptAndNeverLogged) {
  const kms::local::ScratchDirectory scratch;
  const std::string path = scratch / "token";
  TestServer server([](const TestServer::Received& request) {
    const auto token = request.headers.find("authorization");
    const bool good = token != request.headers.end() && token->second == "Bearer s3cret-two";
    return TestServer::reply(good ? 200 : 503);
  });
  AlertTargets targets = to(server);
  targets.token_file = path;
  targets.max_attempts = 100'000;
  Alerts alerts(clock_, crypto::system_random(), targets);
  alerts.raise(alert(AlertKind::sealed));  // there is no token yet
  std::ofstream(path) << "  s3cret-one\n" << std::flush;
  EXPECT_TRUE(server.has_received(1));
  std::ofstream(path) << "s3cret-two\n" << std::flush;
  EXPECT_TRUE(alerts.flush(soon()));
  EXPECT_EQ(server.received().back().headers.at("authorization"), "Bearer s3cret-two");
  EXPECT_EQ(log_.count("s3cret"), 0U);
}

TEST_F(AlertsTest, ATokenDoesNotCrossTheNetworkInTheClear) {
  AlertTargets targets;
  EXPECT_TRUE(check_alert_targets(targets));
  targets.webhook_url = "nonsense";
  EXPECT_EQ(check_alert_targets(targets).error().code(), Code::invalid_argument);
  targets.webhook_url = "http://hooks.example/x";
  EXPECT_TRUE(check_alert_targets(targets));
  targets.token_file = "/token";
  EXPECT_EQ(check_alert_targets(targets).error().code(), Code::invalid_argument);
  for (const char* url : {"https://hooks.example/x", "http://127.0.0.1:8080/x", "http://[::1]/"}) {
    targets.webhook_url = url;
    EXPECT_TRUE(check_alert_targets(targets)) << url;
  }
}

}  // namespace
}  // namespace keyhold::host
