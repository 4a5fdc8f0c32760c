#include "format/policy.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/duration.h"
#include "crypto/kdf.h"
#include "format/test_document.h"

namespace keyhold::format {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::ElementsAre;
using testing::HasSubstr;

Result<Policy> parse(std::string_view text) {
  return parse_policy(as_bytes(text), "policy.toml");
}

std::string refusal(std::string_view text) {
  const auto parsed = parse(text);
  if (parsed) return "it was taken";
  EXPECT_EQ(parsed.error().code(), Code::invalid_argument);
  return parsed.error().message();
}

// Nothing as by default.
Policy unusual_policy() {
  Policy policy;
  policy.lease = {.probe_interval = 5s,
                  .probe_jitter = 0.125,
                  .probe_deadline = 1500ms,
                  .retry_interval = 250ms,
                  .confirm_after = 4s,
                  .confirm_probes = 4,
                  .grace = 24h,
                  .stuck_after = 60s,
                  .settling = 30s,
                  .successes_to_unseal = 5,
                  .success_spacing = 2s,
                  .ambiguous = AmbiguousRule::denial,
                  .seal_when = SealWhen::all_denied};
  policy.alerts = {.webhook = "https://hooks.example/a?b=c#d",
                   .token_file = "/etc/key\"hold/to\\ken",
                   .ca_file = "/etc/keyhold/ca.pem"};
  policy.engine.fence_timeout = 700ms;
  return policy;
}

TEST(PolicyFormat, AnEmptyFileIsTheDefaults) {
  EXPECT_EQ(parse("").value(), Policy());
  EXPECT_EQ(parse("# nothing\n[lease]\n").value(), Policy());
}

TEST(PolicyFormat, DefaultsAreThoseOfTheDesign) {
  const LeaseRules lease;
  EXPECT_EQ(lease.probe_interval, 3s);
  EXPECT_EQ(lease.probe_deadline, 1s);
  EXPECT_EQ(lease.retry_interval, 500ms);
  EXPECT_EQ(lease.confirm_after, 2500ms);
  EXPECT_EQ(lease.confirm_probes, 2U);
  EXPECT_EQ(lease.grace, 1h);
  EXPECT_EQ(lease.stuck_after, 10s);
  EXPECT_EQ(lease.settling, 600s);
  EXPECT_EQ(lease.successes_to_unseal, 3U);
  EXPECT_EQ(lease.ambiguous, AmbiguousRule::outage);
  EXPECT_EQ(lease.seal_when, SealWhen::any_denied);
}

TEST(PolicyFormat, WhatIsWrittenReadsTheSame) {
  for (const Policy& policy : {Policy(), unusual_policy(), strictest_policy()}) {
    ASSERT_TRUE(check_policy(policy)) << check_policy(policy).error().message();
    const auto parsed = parse(serialize_policy(policy));
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(*parsed, policy);
  }
}

TEST(PolicyFormat, EveryKeyIsReadWrittenAndSet) {
  const Policy unusual = unusual_policy();
  const std::string text = serialize_policy(unusual);
  Policy set;
  for (const std::string& key : policy_keys()) {
    EXPECT_THAT(text, HasSubstr("\n" + key.substr(key.find('.') + 1) + " = "));
    ASSERT_NE(policy_value(unusual, key).value(), policy_value(Policy(), key).value()) << key;
    ASSERT_TRUE(set_policy_value(set, key, policy_value(unusual, key).value())) << key;
  }
  EXPECT_EQ(set, unusual);
}

TEST(PolicyFormat, UnknownKeysNameLineAndNearest) {
  EXPECT_EQ(refusal("[lease]\ngrase = \"1h\"\n"),
            "policy.toml:2: lease.grase is no key of a policy; did you mean lease.grace?");
  EXPECT_EQ(refusal("grace = \"1h\"\n"),
            "policy.toml:1: grace is no key of a policy; did you mean lease.grace?");
  EXPECT_EQ(refusal("\n\nquorum = 1\n"), "policy.toml:3: quorum is no key of a policy");
  EXPECT_EQ(refusal("[lease.grace]\nhours = 1\n"),
            "policy.toml:2: lease.grace.hours is no key of a policy");
  EXPECT_EQ(policy_value(Policy(), "lease.gracee").error().message(),
            "lease.gracee is no key of a policy; did you mean lease.grace?");
}

TEST(PolicyFormat, WrongTypesNameLineKeyAndRange) {
  EXPECT_EQ(refusal("[lease]\n\ngrace = 3600\n"),
            "policy.toml:3: lease.grace: it is a duration from 0 to 1d, as \"1h\", \"3s\" or "
            "\"500ms\"");
  for (const auto* text : {"lease.grace = [\"1h\"]", "lease.grace = 1979-05-27",
                           "lease.grace = true", "lease.probe_jitter = \"0.2\"",
                           "lease.confirm_probes = 2.0", "lease.confirm_probes = \"2\"",
                           "lease.ambiguous = 1", "alerts.webhook = 5", "lease = \"1h\""}) {
    EXPECT_THAT(refusal(text), HasSubstr("policy.toml:1: ")) << text;
  }
}

TEST(PolicyFormat, ValuesOutOfRangeAreRefused) {
  for (const auto* text : {"lease.grace = \"25h\"",
                           "lease.grace = \"-1s\"",
                           "lease.grace = \"soon\"",
                           "lease.grace = \"\"",
                           "lease.probe_interval = \"0\"",
                           "lease.probe_interval = \"499ms\"",
                           "lease.probe_jitter = 0.51",
                           "lease.probe_jitter = -0.1",
                           "lease.probe_jitter = nan",
                           "lease.probe_jitter = inf",
                           "lease.probe_deadline = \"11s\"",
                           "lease.retry_interval = \"99ms\"",
                           "lease.confirm_after = \"301s\"",
                           "lease.confirm_probes = 0",
                           "lease.confirm_probes = -1",
                           "lease.confirm_probes = 11",
                           "lease.confirm_probes = 4294967298",
                           "lease.stuck_after = \"2h\"",
                           "lease.settling = \"61m\"",
                           "lease.successes_to_unseal = 0",
                           "lease.ambiguous = \"denied\"",
                           "lease.seal_when = \"never\"",
                           "engine.fence_timeout = \"99ms\"",
                           "engine.fence_timeout = \"61s\""}) {
    EXPECT_THAT(refusal(text), HasSubstr("will not do")) << text;
  }
  EXPECT_TRUE(parse("lease.grace = \"24h\"\n"));
  EXPECT_EQ(parse("lease.grace = \"0\"\n").value().lease.grace, 0s);
  EXPECT_EQ(parse("lease.probe_jitter = 0\n").value().lease.probe_jitter, 0.0);
}

TEST(PolicyFormat, AWebhookIsHttpsOrOnThisMachine) {
  for (const auto* url : {"https://hooks.example", "https://hooks.example:8443/a?b=1",
                          "http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:80/x"}) {
    EXPECT_TRUE(parse("alerts.webhook = '" + std::string(url) + "'")) << url;
  }
  for (const auto* url : {"http://hooks.example/x", "hooks.example", "https://", "https:///x",
                          "ftp://hooks.example", "https://user:secret@hooks.example/",
                          "https://hooks.example/a b", "http://localhost.evil.example/",
                          "http://127.0.0.1@evil.example/", "http://[::1", "http:"}) {
    EXPECT_THAT(refusal("alerts.webhook = '" + std::string(url) + "'"), HasSubstr("will not do"))
        << url;
  }
}

TEST(PolicyFormat, PathsAreAbsoluteAndAscii) {
  const std::string hook = "alerts.webhook = 'https://hooks.example'\n";
  EXPECT_TRUE(parse(hook + "alerts.token_file = '/etc/token'"));
  EXPECT_THAT(refusal(hook + "alerts.token_file = 'token'"), HasSubstr("absolute"));
  EXPECT_THAT(refusal(hook + "alerts.ca_file = \"/a\\nb\""), HasSubstr("absolute"));
  EXPECT_THAT(refusal(hook + "alerts.ca_file = '/caf\u00e9'"), HasSubstr("only ASCII"));
  EXPECT_TRUE(parse(hook + "alerts.ca_file = '/cafe' # caf\u00e9"));
}

TEST(PolicyFormat, ContradictionsNameTheLine) {
  EXPECT_EQ(refusal("[lease]\nprobe_interval = \"1m\"\n"),
            "policy.toml:2: lease.stuck_after: it must be at least 1m14s, the longest interval "
            "between probes and two of their deadlines");
  EXPECT_THAT(refusal("[lease]\nprobe_interval = \"1m\"\nstuck_after = \"1m\"\n"),
              HasSubstr("policy.toml:3: lease.stuck_after"));
  EXPECT_TRUE(parse("[lease]\nprobe_interval = \"1m\"\nstuck_after = \"74s\"\n"));
  EXPECT_EQ(refusal("alerts.token_file = '/t'"),
            "policy.toml:1: alerts.token_file: there is no alerts.webhook that it is for");
  Policy policy;
  policy.lease.stuck_after = 2s;
  EXPECT_EQ(check_policy(policy).error().code(), Code::invalid_argument);
  policy = {};
  policy.lease.grace += nanoseconds(1);
  EXPECT_THAT(check_policy(policy).error().message(), HasSubstr("lease.grace: it is finer"));
}

TEST(PolicyFormat, NoTomlNamesTheLine) {
  EXPECT_THAT(refusal("[lease]\ngrace == 1\n"), HasSubstr("policy.toml:2: not TOML"));
  EXPECT_THAT(refusal("[lease]\ngrace = \"1h\"\ngrace = \"2h\"\n"),
              HasSubstr("policy.toml:3: not TOML"));
  EXPECT_THAT(refusal(std::string(kMaxPolicySizeBytes + 1, '#')), HasSubstr("longer than"));
}

TEST(PolicyFormat, DifferencesAreNamed) {
  Policy policy;
  policy.lease.grace = 0s;
  policy.lease.confirm_probes = 3;
  EXPECT_THAT(policy_differences(Policy(), policy),
              ElementsAre("lease.confirm_probes 2 → 3", "lease.grace 1h → 0"));
  EXPECT_TRUE(policy_differences(policy, policy).empty());
}

TEST(PolicyFormat, StrictestIsNowhereLaxerThanTheDefaults) {
  const Policy strictest = strictest_policy();
  EXPECT_EQ(strictest.lease.grace, 0s);
  EXPECT_EQ(strictest.lease.ambiguous, AmbiguousRule::denial);
  EXPECT_EQ(strictest.lease.seal_when, SealWhen::any_denied);
  EXPECT_LE(denial_bound(strictest), denial_bound(Policy()));
  EXPECT_LE(strictest.lease.stuck_after, Policy().lease.stuck_after);
}

// docs/formats/policy.md: its table of keys and its example.
class PolicyDocument : public testing::Test {
 protected:
  struct Row {
    std::string key, type, values, fallback;
  };

  PolicyDocument() {
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("| `")) rows_.push_back(row_of(line));
      if (line == "```toml") example_ = block(in);
    }
  }
  static Row row_of(const std::string& line) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, '|');) {
      cells.push_back(cell.size() > 2 ? cell.substr(1, cell.size() - 2) : "");
    }
    return {.key = cells.at(1).substr(1, cells.at(1).size() - 2),
            .type = cells.at(2),
            .values = cells.at(3),
            .fallback = cells.at(4) == "none" ? "" : cells.at(4)};
  }
  static std::string block(std::istream& in) {
    std::string text;
    for (std::string line; std::getline(in, line) && line != "```";) text += line + "\n";
    return text;
  }
  static bool takes(const Row& row, const std::string& value) {
    Policy policy;
    return set_policy_value(policy, row.key, value).has_value();
  }

  std::string path_ = std::string(KEYHOLD_DOCS_DIR) + "/formats/policy.md";
  std::vector<Row> rows_;
  std::string example_;
};

TEST_F(PolicyDocument, NamesEveryKeyWithItsDefault) {
  std::vector<std::string> keys;
  for (const Row& row : rows_) {
    keys.push_back(row.key);
    Policy policy;
    ASSERT_TRUE(set_policy_value(policy, row.key, row.fallback)) << row.key;
    EXPECT_EQ(policy, Policy()) << row.key;
  }
  EXPECT_EQ(keys, policy_keys());
}

TEST_F(PolicyDocument, DurationsEndWhereItSays) {
  std::size_t durations = 0;
  for (const Row& row : rows_) {
    if (row.type != "duration") continue;
    ++durations;
    const auto to = row.values.find(" to ");
    const auto least = parse_duration(row.values.substr(0, to)).value();
    const auto most = parse_duration(row.values.substr(to + 4)).value();
    EXPECT_TRUE(takes(row, format_duration(least))) << row.key;
    EXPECT_TRUE(takes(row, format_duration(most))) << row.key;
    EXPECT_FALSE(takes(row, format_duration(most + 1ms))) << row.key;
    EXPECT_FALSE(least > 0ms && takes(row, format_duration(least - 1ms))) << row.key;
  }
  EXPECT_EQ(durations, 9U);
}

TEST_F(PolicyDocument, CountsAndChoicesAreWhatItSays) {
  for (const Row& row : rows_) {
    if (row.type == "whole number") {
      EXPECT_EQ(row.values, "1 to 10");
      EXPECT_TRUE(takes(row, "1") && takes(row, "10")) << row.key;
      EXPECT_FALSE(takes(row, "0") || takes(row, "11")) << row.key;
    }
    const auto comma = row.values.find(", ");
    if (row.type != "text" || comma == std::string::npos) continue;
    EXPECT_TRUE(takes(row, row.values.substr(0, comma))) << row.key;
    EXPECT_TRUE(takes(row, row.values.substr(comma + 2))) << row.key;
  }
}

TEST_F(PolicyDocument, ExampleReadsAndHasItsDigest) {
  const auto policy = parse(example_);
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(policy->lease.grace, 900s);
  EXPECT_EQ(policy->alerts.token_file, "/etc/keyhold/hook.token");
  EXPECT_EQ(to_hex(crypto::sha256(as_bytes(example_))), to_hex(hex_blocks(path_)["digest"]));
}

TEST(DenialBound, DefaultsKeepThePromise) {
  // 3 s ± 20 %, 1 s for the answer, 2.5 s to confirm, 2 s for the engine, 0.5 s to wipe
  EXPECT_EQ(denial_bound(Policy()), 9600ms);
  EXPECT_LE(denial_bound(Policy()), kDenialPromise);
}

TEST(DenialBound, EachClockCounts) {
  const auto with = [](auto change) {
    Policy policy;
    change(policy);
    return denial_bound(policy) - denial_bound(Policy());
  };
  EXPECT_EQ(with([](Policy& p) { p.lease.probe_interval += 1s; }), 1200ms);
  EXPECT_EQ(with([](Policy& p) { p.lease.probe_jitter = 0.5; }), 900ms);
  EXPECT_EQ(with([](Policy& p) { p.lease.confirm_after += 1s; }), 1s);
  EXPECT_EQ(with([](Policy& p) { p.engine.fence_timeout += 1s; }), 1s);
  EXPECT_EQ(with([](Policy& p) { p.lease.confirm_probes = 3; }), 1s);
  // The lease does not wait longer than two deadlines for tries that are missing.
  EXPECT_EQ(with([](Policy& p) { p.lease.confirm_probes = 10; }), 2s);
  EXPECT_EQ(with([](Policy& p) { p.lease.grace = 24h; }), 0s);
}

}  // namespace
}  // namespace keyhold::format
