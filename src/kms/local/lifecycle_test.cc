#include "kms/local/lifecycle.h"

#include <chrono>

#include <gtest/gtest.h>

namespace keyhold::kms::local {
namespace {

using std::chrono::days;

const WallTime kNow{std::chrono::seconds(1'772'357'400)};

KeyFile key_in(State state) {
  KeyFile key = new_key(crypto::system_random(), kNow).value();
  Status done;
  if (state == State::disabled) done = disable(key);
  if (state == State::pending_deletion) done = schedule_deletion(key, 7, kNow);
  EXPECT_TRUE(done.has_value());
  return key;
}

Status rotate_now(KeyFile& key) {
  return rotate(key, crypto::system_random(), kNow);
}
Status delete_in_a_week(KeyFile& key) {
  return schedule_deletion(key, 7, kNow);
}

struct Transition {
  std::string_view name;
  Status (*edit)(KeyFile&);
  // Where it leads from enabled, disabled, pending deletion; nothing: refused.
  std::optional<State> to[3];
};

constexpr Transition kTransitions[] = {
    {"enable", enable, {State::enabled, State::enabled, std::nullopt}},
    {"disable", disable, {State::disabled, State::disabled, std::nullopt}},
    {"rotate", rotate_now, {State::enabled, std::nullopt, std::nullopt}},
    {"schedule_deletion",
     delete_in_a_week,
     {State::pending_deletion, State::pending_deletion, std::nullopt}},
    {"cancel_deletion", cancel_deletion, {std::nullopt, std::nullopt, State::disabled}},
};

TEST(Lifecycle, EveryChangeInEveryStateIsAsTheTableSays) {
  for (const Transition& transition : kTransitions) {
    for (int from = 0; from < 3; ++from) {
      SCOPED_TRACE(std::string(transition.name) + " from " + std::to_string(from + 1));
      const auto state = static_cast<State>(from + 1);
      KeyFile key = key_in(state);
      const Status done = transition.edit(key);
      ASSERT_EQ(done.has_value(), transition.to[from].has_value());
      EXPECT_EQ(key.state, transition.to[from].value_or(state));
      EXPECT_EQ(key.deletion_date.has_value(), key.state == State::pending_deletion);
      if (!done) {
        EXPECT_EQ(done.error().code(), Code::busy);
      }
    }
  }
}

TEST(Lifecycle, NewKeyIsEnabledWithOneVersion) {
  const KeyFile key = new_key(crypto::system_random(), kNow).value();
  EXPECT_EQ(key.state, State::enabled);
  EXPECT_EQ(key.primary, 1U);
  EXPECT_EQ(key.versions.size(), 1U);
  EXPECT_EQ(key.created, kNow);
  EXPECT_NE(key.id, new_key(crypto::system_random(), kNow).value().id);
}

TEST(Lifecycle, RotateStopsAtTheLargestNumberOfVersions) {
  KeyFile key = key_in(State::enabled);
  while (key.versions.size() < kMaxKeyVersions) ASSERT_TRUE(rotate_now(key).has_value());
  EXPECT_EQ(key.primary, kMaxKeyVersions);
  EXPECT_EQ(rotate_now(key).error().code(), Code::unsupported);
}

TEST(Lifecycle, DeletionIsScheduledOneToThreeHundredSixtyFiveDaysAhead) {
  for (const int refused : {-1, 0, 366}) {
    KeyFile key = key_in(State::enabled);
    EXPECT_EQ(schedule_deletion(key, refused, kNow).error().code(), Code::invalid_argument);
    EXPECT_EQ(key.state, State::enabled);
  }
  for (const int taken : {1, 365}) {
    KeyFile key = key_in(State::enabled);
    ASSERT_TRUE(schedule_deletion(key, taken, kNow).has_value());
    EXPECT_EQ(key.deletion_date, kNow + days(taken));
  }
}

TEST(Lifecycle, DeletionIsDueFromItsDateOn) {
  const KeyFile key = key_in(State::pending_deletion);
  EXPECT_FALSE(deletion_due(key, kNow + days(7) - std::chrono::milliseconds(1)));
  EXPECT_TRUE(deletion_due(key, kNow + days(7)));
  EXPECT_FALSE(deletion_due(key_in(State::enabled), kNow + days(7)));
}

TEST(Lifecycle, DestroyLeavesNoVersion) {
  KeyFile key = key_in(State::pending_deletion);
  destroy(key);
  EXPECT_EQ(key.state, State::destroyed);
  EXPECT_EQ(key.primary, 0U);
  EXPECT_TRUE(key.versions.empty());
  EXPECT_TRUE(key.deletion_date.has_value());
}

TEST(Lifecycle, RefusalNamesKeyStateAndDate) {
  EXPECT_EQ(refusal("orders", key_in(State::disabled)), "key orders is disabled");
  EXPECT_EQ(refusal("orders", key_in(State::pending_deletion)),
            "key orders is pending deletion on 2026-03-08T09:30:00.000Z");
}

}  // namespace
}  // namespace keyhold::kms::local
