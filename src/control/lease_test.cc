// Every cell of the table, and every way out of it. The clocks: lease_clocks_test.cc.
#include "control/lease.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "control/lease_table.h"
#include "control/test_lease.h"

namespace keyhold::control {
namespace {

constexpr auto kSealed = LeasePhase::sealed;
constexpr auto kUnsealing = LeasePhase::unsealing;
constexpr auto kServing = LeasePhase::serving;
constexpr auto kDegraded = LeasePhase::degraded;
constexpr auto kSealing = LeasePhase::sealing;

// A host that serves, with two lockboxes; its probes are answered once.
TestLease serving_host(const LeasePolicy& policy = {}) {
  TestLease host(policy, {1, 2});
  host.run_for(seconds(1));
  host.seals = false;
  host.fetch.reset();
  return host;
}

// At 1 s; lockbox 2 had no answer at 3.1 s, and the next is waited for.
TestLease degraded_host(const LeasePolicy& policy = {}) {
  TestLease host = serving_host(policy);
  host.answers[2] = ProbeAnswer::unavailable;
  host.run_until(milliseconds(3200));
  return host;
}

TestLease sealing_host(const LeasePolicy& policy = {}) {
  TestLease host = serving_host(policy);
  host.answers[1] = ProbeAnswer::denied;
  host.run_until(milliseconds(5700));
  return host;
}

// Access is back, and one more success is wanted of each lockbox.
TestLease sealed_host(const LeasePolicy& policy = {}) {
  TestLease host = sealing_host(policy);
  host.answers.clear();
  host.apply(SealEnded{});
  host.run_for(milliseconds(1900));
  return host;
}

TestLease unsealing_host(const LeasePolicy& policy = {}) {
  TestLease host = sealed_host(policy);
  host.run_for(milliseconds(300));
  return host;
}

TestLease host_in(LeasePhase phase, const LeasePolicy& policy) {
  switch (phase) {
    case kSealed:
      return sealed_host(policy);
    case kUnsealing:
      return unsealing_host(policy);
    case kServing:
      return serving_host(policy);
    case kDegraded:
      return degraded_host(policy);
    case kSealing:
      return sealing_host(policy);
  }
  throw std::logic_error("no such phase");
}

struct Case {
  LeasePhase phase;
  std::function<LeaseEvent(TestLease&)> event;
  std::string actions;
  LeasePhase leads_to;
  LeasePolicy policy = {};
};

std::function<LeaseEvent(TestLease&)> just(LeaseEvent event) {
  return [event](TestLease&) { return event; };
}

std::function<LeaseEvent(TestLease&)> after(nanoseconds stall, LeaseEvent event) {
  return [=](TestLease& host) {
    host.stall(stall);
    return event;
  };
}

// The answer to the probe that is under way or asked for next.
std::function<LeaseEvent(TestLease&)> answer(LockboxId lockbox, ProbeAnswer answer) {
  return [=](TestLease& host) {
    host.answers[1].reset();  // the test answers
    host.answers[2].reset();
    host.run_for(seconds(3));
    host.answers.clear();
    return ProbeEnded{.lockbox = lockbox, .began = host.at(host.now()), .answer = answer};
  };
}

LeasePolicy hasty() {  // one denial is enough, nothing is waited for
  LeasePolicy policy;
  policy.confirm_after = {};
  policy.confirm_probes = 0;
  return policy;
}

LeasePolicy all_denied_and_no_grace() {
  LeasePolicy policy;
  policy.seal_when = SealWhen::all_denied;
  policy.grace = milliseconds(1);
  return policy;
}

LeasePolicy with(nanoseconds LeasePolicy::*field, nanoseconds value) {
  LeasePolicy policy;
  policy.*field = value;
  return policy;
}

PolicyChanged one_success() {
  LeasePolicy policy;
  policy.successes_to_unseal = 1;
  return {policy};
}

const SealOrdered kRevoke{SealCause::order};
const UnsealOrdered kRestore{SealCause::order};
constexpr auto kSuccess = ProbeAnswer::success;
constexpr auto kDenied = ProbeAnswer::denied;
constexpr auto kUnavailable = ProbeAnswer::unavailable;

std::function<LeaseEvent(TestLease&)> second(LeaseEvent first, LeaseEvent event) {
  return [=](TestLease& host) {
    host.apply(first);
    return event;
  };
}

std::function<LeaseEvent(TestLease&)> removal_after(LockboxId lockbox, ProbeAnswer says,
                                                    nanoseconds span) {
  return [=](TestLease& host) {
    host.answers[lockbox] = says;
    host.run_for(span);
    return LockboxRemoved{lockbox};
  };
}

LeaseEvent third_successes(TestLease& host) {
  host.run_for(milliseconds(150));
  host.apply(ProbeEnded{1, host.at(host.now()), kSuccess});
  return ProbeEnded{2, host.at(host.now()), kSuccess};
}

LeaseEvent keys_during_outage(TestLease& host) {
  host.answers[2] = kUnavailable;
  host.run_for(seconds(4));
  return KeysFetched{};
}

std::vector<Case> sealed_cases() {
  return {
      {kSealed, just(Tick{}), "", kSealed},
      {kSealed, answer(1, kDenied), "alert:denied/1", kSealed},
      {kSealed, just(kRevoke), "tombstone:order", kSealed},
      {kSealed, just(kRestore), "", kSealed},
      {kSealed, just(SealEnded{}), "", kSealed},
      {kSealed, just(KeysFetched{}), "seal:denied alert:sealed", kSealing},
      {kSealed, just(KeysNotFetched{}), "", kSealed},
      {kSealed, just(LockboxAdded{3}), "probe:3", kSealed},
      {kSealed, third_successes, "unseal", kUnsealing},
      {kSealed, just(LockboxRemoved{1}), "", kSealed},
      {kSealed, removal_after(1, kUnavailable, milliseconds(300)), "unseal", kUnsealing},
      {kSealed, just(PolicyChanged{}), "", kSealed},
      {kSealed, just(one_success()), "unseal", kUnsealing},
  };
}

std::vector<Case> unsealing_cases() {
  return {
      {kUnsealing, just(Tick{}), "", kUnsealing},
      {kUnsealing, answer(1, kDenied), "alert:denied/1", kUnsealing},
      {kUnsealing, just(kRevoke), "tombstone:order", kUnsealing},
      {kUnsealing, just(kRestore), "", kUnsealing},
      {kUnsealing, just(SealEnded{}), "", kUnsealing},
      {kUnsealing, just(KeysFetched{}), "alert:unsealed", kServing},
      {kUnsealing, keys_during_outage, "alert:unsealed", kDegraded},
      {kUnsealing, after(seconds(11), KeysFetched{}), "alert:unsealed seal:stuck alert:sealed",
       kSealing},
      {kUnsealing, just(KeysNotFetched{}), "", kSealed},
      {kUnsealing, second(kRevoke, KeysNotFetched{}), "seal:order alert:sealed", kSealing},
      {kUnsealing, just(LockboxAdded{3}), "probe:3", kUnsealing},
      {kUnsealing, just(LockboxRemoved{1}), "", kUnsealing},
      {kUnsealing, just(PolicyChanged{}), "", kUnsealing},
  };
}

std::vector<Case> serving_cases() {
  return {
      {kServing, just(Tick{}), "", kServing},
      {kServing, after(seconds(12), Tick{}), "seal:stuck alert:sealed", kSealing},
      {kServing, answer(1, kSuccess), "", kServing},
      {kServing, answer(1, kUnavailable), "alert:outage/1", kDegraded},
      {kServing, answer(1, kDenied), "alert:denied/1", kDegraded},
      {kServing, answer(1, kDenied), "alert:denied/1 seal:denied alert:sealed", kSealing, hasty()},
      {kServing, just(kRevoke), "tombstone:order seal:order alert:sealed", kSealing},
      {kServing, just(kRestore), "", kServing},
      {kServing, just(SealEnded{}), "", kServing},
      {kServing, just(KeysFetched{}), "", kServing},
      {kServing, just(KeysNotFetched{}), "", kServing},
      {kServing, just(LockboxAdded{3}), "probe:3", kServing},
      {kServing, just(LockboxRemoved{1}), "", kServing},
      {kServing, just(PolicyChanged{}), "", kServing},
      {kServing, just(PolicyChanged{with(&LeasePolicy::stuck_after, milliseconds(1))}),
       "seal:stuck alert:sealed", kSealing},
  };
}

std::vector<Case> degraded_cases() {
  return {
      {kDegraded, just(Tick{}), "", kDegraded},
      {kDegraded, after(seconds(12), Tick{}), "seal:stuck alert:sealed", kSealing},
      {kDegraded, answer(2, kSuccess), "alert:outage_over/2", kServing},
      {kDegraded, answer(1, kUnavailable), "alert:outage/1", kDegraded},
      {kDegraded, answer(2, kUnavailable), "seal:grace_over alert:sealed", kSealing,
       with(&LeasePolicy::grace, seconds(3))},
      {kDegraded, just(kRevoke), "tombstone:order seal:order alert:sealed", kSealing},
      {kDegraded, just(kRestore), "", kDegraded},
      {kDegraded, just(SealEnded{}), "", kDegraded},
      {kDegraded, just(KeysFetched{}), "", kDegraded},
      {kDegraded, just(KeysNotFetched{}), "", kDegraded},
      {kDegraded, just(LockboxAdded{3}), "probe:3", kDegraded},
      {kDegraded, just(LockboxRemoved{1}), "", kDegraded},
      {kDegraded, just(LockboxRemoved{2}), "", kServing},
      {kDegraded, removal_after(1, kSuccess, milliseconds(500)), "seal:grace_over alert:sealed",
       kSealing, all_denied_and_no_grace()},
      {kDegraded, just(PolicyChanged{}), "", kDegraded},
      {kDegraded, just(PolicyChanged{with(&LeasePolicy::stuck_after, milliseconds(1))}),
       "seal:stuck alert:sealed", kSealing},
  };
}

std::vector<Case> sealing_cases() {
  return {
      {kSealing, just(Tick{}), "", kSealing},
      {kSealing, after(hours(2), Tick{}), "", kSealing},
      {kSealing, just(ProbeEnded{2, BootTime(), kSuccess}), "", kSealing},
      {kSealing, just(kRevoke), "tombstone:order", kSealing},
      {kSealing, just(kRestore), "", kSealing},
      {kSealing, just(SealEnded{}), "probe:1 probe:2", kSealed},
      {kSealing, second(KeysFetched{}, SealEnded{}), "seal:denied", kSealing},
      {kSealing, just(KeysFetched{}), "", kSealing},
      {kSealing, just(KeysNotFetched{}), "", kSealing},
      {kSealing, just(LockboxAdded{3}), "", kSealing},
      {kSealing, just(LockboxRemoved{1}), "", kSealing},
      {kSealing, just(PolicyChanged{}), "", kSealing},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& cases :
       {sealed_cases(), unsealing_cases(), serving_cases(), degraded_cases(), sealing_cases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

// (phase, event, phase)
using Edge = std::tuple<LeasePhase, EventKind, LeasePhase>;

std::string text_of(const Edge& e) {
  return std::string(name_of(std::get<0>(e))) + " -" + std::string(name_of(std::get<1>(e))) +
         "-> " + std::string(name_of(std::get<2>(e)));
}

std::set<Edge> edges_of_table() {
  std::set<Edge> edges;
  for (const LeaseCell& cell : kLeaseTable) {
    for (const LeasePhase to : {kSealed, kUnsealing, kServing, kDegraded, kSealing}) {
      if (cell.leads_to.contains(to)) edges.emplace(cell.phase, cell.event, to);
    }
  }
  return edges;
}

// Each way out of each cell is taken, so each of the 50 cells is visited.
TEST(LeaseTable, EveryWayOutOfEveryCellIsTaken) {
  std::set<Edge> unseen = edges_of_table();
  for (const Case& each : all_cases()) {
    TestLease host = host_in(each.phase, each.policy);
    ASSERT_EQ(host.lease.phase(), each.phase) << "not the phase that the case begins in";
    const LeaseEvent event = each.event(host);
    ASSERT_EQ(host.lease.phase(), each.phase) << "left before the event";
    const Edge edge(each.phase, kind_of(event), each.leads_to);
    EXPECT_EQ(host.apply(event), each.actions) << text_of(edge);
    EXPECT_EQ(name_of(host.lease.phase()), name_of(each.leads_to)) << text_of(edge);
    unseen.erase(edge);
  }
  for (const Edge& edge : unseen) ADD_FAILURE() << "no case takes " << text_of(edge);
}

}  // namespace
}  // namespace keyhold::control
