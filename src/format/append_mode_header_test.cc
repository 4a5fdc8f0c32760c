// The header block of append-mode files: its layout, and what a parser refuses.
#include <functional>
#include <numeric>

#include <gtest/gtest.h>

#include "format/header.h"

namespace keyhold::format {
namespace {

template <std::size_t size>
std::array<std::uint8_t, size> counting(std::uint8_t first) {
  std::array<std::uint8_t, size> bytes{};
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

HeaderSlot example_slot(Mode mode = Mode::table) {
  HeaderSlot slot{.mode = mode,
                  .store_id = StoreId(counting<16>(0xa0)),
                  .file_id = FileId(counting<16>(0xf0)),
                  .generation = Generation{0x01020304},
                  .sequence = 0x1122334455667788,
                  .salt = counting<32>(0x20)};
  slot.mac = counting<32>(0x60);
  return slot;
}

ByteVector bytes_of(const HeaderSlot& slot) {
  ByteVector bytes(kSlotSizeBytes);
  serialize_slot(slot, bytes);
  return bytes;
}

ByteVector block_of(const HeaderSlot& a, const HeaderSlot& b) {
  ByteVector block = bytes_of(a);
  const ByteVector second = bytes_of(b);
  block.insert(block.end(), second.begin(), second.end());
  block.resize(kHeaderSizeBytes);
  return block;
}

Code refusal(const ByteVector& slot) {
  const auto parsed = parse_slot(slot);
  EXPECT_FALSE(parsed);
  return parsed ? Code::internal : parsed.error().code();
}

TEST(AppendModeHeader, PersistedNumbersNeverChange) {
  EXPECT_EQ(static_cast<int>(Mode::table), 1);
  EXPECT_EQ(static_cast<int>(Mode::log), 2);
  EXPECT_EQ(static_cast<int>(Mode::page), 3);
  EXPECT_EQ(kSuiteGcm, 1);
  EXPECT_EQ(kHeaderVersion, 1);
}

TEST(AppendModeHeader, SlotIsLaidOutAsDocumented) {
  HeaderSlot slot = example_slot();
  slot.switches = {{.first_chunk = 7, .salt = counting<32>(0x80)}};
  const ByteVector bytes = bytes_of(slot);
  EXPECT_EQ(to_hex(ByteView(bytes).first(16)), "894b4559484f4c440100010100000000");
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(16, 16)), to_hex(counting<16>(0xa0)));
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(32, 16)), to_hex(counting<16>(0xf0)));
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(48, 16)), "04030201000000008877665544332211");
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(64, 32)), to_hex(counting<32>(0x20)));
  EXPECT_TRUE(all_zero(ByteView(bytes).subspan(96, 24)));
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(120, 16)), "01000000000000000700000000000000");
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(136, 32)), to_hex(counting<32>(0x80)));
  EXPECT_TRUE(all_zero(ByteView(bytes).subspan(168, 312)));
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(480)), to_hex(counting<32>(0x60)));
  EXPECT_EQ(slot_mac_input(bytes).size(), 480U);
}

TEST(AppendModeHeader, SlotsComeBackAsTheyWere) {
  HeaderSlot closed = example_slot(Mode::log);
  closed.closed = true;
  closed.closing = {.frames = 10, .logical_bytes = 20, .synced_frames = 9};
  HeaderSlot switched = example_slot();
  for (std::uint8_t i = 0; i < kMaxSubkeySwitches; ++i) {
    switched.switches.push_back({.first_chunk = i / 2U, .salt = counting<32>(i)});
  }
  for (const HeaderSlot& slot : {example_slot(), example_slot(Mode::page), closed, switched}) {
    const auto parsed = parse_slot(bytes_of(slot));
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(*parsed, slot);
  }
}

TEST(AppendModeHeader, ClosingRecordStandsBehindTheSalt) {
  HeaderSlot slot = example_slot(Mode::log);
  slot.closed = true;
  slot.closing = {.frames = 1, .logical_bytes = 2, .synced_frames = 3};
  const ByteVector bytes = bytes_of(slot);
  EXPECT_EQ(bytes[12], 1);
  EXPECT_EQ(to_hex(ByteView(bytes).subspan(96, 24)),
            "010000000000000002000000000000000300000000000000");
}

TEST(AppendModeHeader, WhatANewerVersionWroteIsUnsupported) {
  const std::vector<std::pair<std::size_t, std::uint8_t>> changes = {
      {8, 2}, {9, 1}, {10, 2}, {10, 0}, {11, 4}, {11, 0}, {12, 2}, {15, 0x80}};
  for (const auto& [offset, value] : changes) {
    ByteVector bytes = bytes_of(example_slot());
    bytes[offset] = value;
    EXPECT_EQ(refusal(bytes), Code::unsupported) << offset;
  }
}

TEST(AppendModeHeader, AnUnknownFlagGoesBeforeWhatItMayHaveChanged) {
  ByteVector bytes = bytes_of(example_slot());
  bytes[13] = 1;
  bytes[300] = 1;
  EXPECT_EQ(refusal(bytes), Code::unsupported);
}

TEST(AppendModeHeader, WhatNobodyWritesIsDamage) {
  const std::vector<std::pair<std::size_t, std::uint8_t>> changes = {
      {0, 0x88},                      // magic
      {7, 'd'},                       // magic
      {8, 0},                         // version 0
      {52, 1},                        // reserved, each from its first to its last byte
      {55, 1},   {96, 1},             // a closing record in an open file
      {119, 1},  {120, 5},            // five switches
      {121, 1},  {127, 1}, {128, 1},  // a switch beyond the count
      {287, 1},  {288, 1}, {479, 1},
  };
  for (const auto& [offset, value] : changes) {
    ByteVector bytes = bytes_of(example_slot());
    bytes[offset] = value;
    EXPECT_EQ(refusal(bytes), Code::integrity) << offset;
  }
}

TEST(AppendModeHeader, SwitchesOutOfOrderAreDamage) {
  HeaderSlot slot = example_slot();
  slot.switches = {{.first_chunk = 2, .salt = {}}, {.first_chunk = 1, .salt = {}}};
  EXPECT_EQ(refusal(bytes_of(slot)), Code::integrity);
}

TEST(AppendModeHeader, TheGreaterSequenceIsInForce) {
  HeaderSlot a = example_slot();
  HeaderSlot b = a;
  a.sequence = 4;
  b.sequence = 5;
  EXPECT_EQ(parse_header(block_of(a, b))->current_index(), 1U);
  EXPECT_EQ(parse_header(block_of(b, a))->current_index(), 0U);
  EXPECT_EQ(parse_header(block_of(b, a))->current().sequence, 5U);
}

TEST(AppendModeHeader, SlotsThatDoNotBelongTogetherAreDamage) {
  HeaderSlot a = example_slot();
  HeaderSlot good = a;
  good.sequence = a.sequence + 1;
  ASSERT_TRUE(parse_header(block_of(a, good)));
  const std::vector<std::function<void(HeaderSlot&)>> changes = {
      [](HeaderSlot& slot) { --slot.sequence; },       [](HeaderSlot& slot) { ++slot.sequence; },
      [](HeaderSlot& slot) { slot.mode = Mode::log; }, [](HeaderSlot& slot) { slot.store_id = {}; },
      [](HeaderSlot& slot) { slot.file_id = {}; },
  };
  for (const auto& change : changes) {
    HeaderSlot other = good;
    change(other);
    EXPECT_EQ(parse_header(block_of(a, other)).error().code(), Code::integrity);
  }
}

TEST(AppendModeHeader, SequencesDoNotWrap) {
  HeaderSlot a = example_slot();
  HeaderSlot b = a;
  a.sequence = ~std::uint64_t{0};
  b.sequence = 0;
  EXPECT_EQ(parse_header(block_of(a, b)).error().code(), Code::integrity);
}

TEST(AppendModeHeader, SaltAndGenerationMayDifferBetweenTheSlots) {
  const HeaderSlot a = example_slot(Mode::log);
  HeaderSlot recycled = a;
  recycled.sequence = a.sequence + 1;
  recycled.salt = counting<32>(1);
  recycled.generation = Generation{9};
  EXPECT_TRUE(parse_header(block_of(a, recycled)));
}

TEST(AppendModeHeader, BytesBehindTheSlotsAreZero) {
  HeaderSlot a = example_slot();
  HeaderSlot b = a;
  b.sequence = a.sequence + 1;
  for (const std::size_t offset : {std::size_t{1024}, kHeaderSizeBytes - 1}) {
    ByteVector block = block_of(a, b);
    block[offset] = 1;
    EXPECT_EQ(parse_header(block).error().code(), Code::integrity);
  }
}

TEST(AppendModeHeader, DerivationInputsAreAsDocumented) {
  EXPECT_EQ(to_hex(file_secret_context(example_slot(Mode::log))),
            "0102000004030201" + to_hex(counting<16>(0xa0)) + to_hex(counting<16>(0xf0)));
  EXPECT_EQ(to_hex(counter_nonce(0x0102030405060708)), "080706050403020100000000");
}

}  // namespace
}  // namespace keyhold::format
