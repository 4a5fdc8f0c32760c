#include "format/keyring.h"

#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/byte_writer.h"
#include "format/keyring_anchor.h"
#include "format/keyring_example.h"

namespace keyhold::format {
namespace {

using testing::HasSubstr;

ByteVector file_of(const KeyringRecord& record) {
  return finish_keyring(serialize_keyring_body(record), counting_bytes<32>(0x50));
}

Code code_of_parse(ByteView file) {
  const auto parsed = parse_keyring(file);
  EXPECT_FALSE(parsed.has_value());
  return parsed ? Code::internal : parsed.error().code();
}

// A file of the example's prefix and these raw records.
class RawKeyring {
 public:
  RawKeyring& put(std::uint16_t type, std::uint16_t flags, ByteView value) {
    records_.u16(type);
    records_.u16(flags);
    records_.u32(static_cast<std::uint32_t>(value.size()));
    records_.bytes(value);
    return *this;
  }
  RawKeyring& raw(ByteView bytes) {
    records_.bytes(bytes);
    return *this;
  }
  ByteVector file() const {
    ByteWriter out;
    out.bytes(as_bytes("KHKEYRNG"));
    out.u32(1);
    out.u32(static_cast<std::uint32_t>(16 + records_.size() + 64));
    out.bytes(records_.view());
    return finish_keyring(out.take(), {});
  }

 private:
  ByteWriter records_;
};

struct RawRecord {
  std::uint16_t type;
  std::uint16_t flags;
  ByteVector value;
};

std::vector<RawRecord> example_records() {
  const ByteVector body = serialize_keyring_body(example_keyring());
  std::vector<RawRecord> records;
  for (std::size_t at = 16; at < body.size();) {
    const ByteView rest = ByteView(body).subspan(at);
    const auto length = load_le<std::uint32_t>(rest.subspan(4));
    const ByteView value = rest.subspan(8, length);
    records.push_back({load_le<std::uint16_t>(rest), load_le<std::uint16_t>(rest.subspan(2)),
                       ByteVector(value.begin(), value.end())});
    at += 8 + length;
  }
  return records;
}

ByteVector file_of(const std::vector<RawRecord>& records) {
  RawKeyring raw;
  for (const auto& [type, flags, value] : records) raw.put(type, flags, value);
  return raw.file();
}

TEST(KeyringFormat, WhatIsWrittenReadsTheSame) {
  const ByteVector file = file_of(example_keyring());
  const auto parsed = parse_keyring(file);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  EXPECT_EQ(parsed->record, example_keyring());
  EXPECT_EQ(parsed->mac, (counting_bytes<32>(0x50)));
  EXPECT_EQ(finish_keyring(serialize_keyring_body(parsed->record), parsed->mac), file);
}

TEST(KeyringFormat, ManyOfEachReadTheSame) {
  KeyringRecord record = example_keyring();
  for (std::size_t i = 1; i < kMaxLockboxes; ++i) {
    auto box = record.lockboxes[0];
    box.spec.uri +=
        std::string(kMaxSpecTextSizeBytes - box.spec.uri.size() - 1, 'x') + std::to_string(i);
    box.wrapped.assign(kMaxKmsWrapSizeBytes, 9);
    record.lockboxes.push_back(box);
  }
  for (std::uint32_t i = 2; i <= kMaxGenerations; ++i) {
    record.deks.push_back(record.deks[0]);
    record.deks.back().generation = i * 3;
  }
  record.rollbacks.resize(kMaxRollbackEvents);
  record.unknown.assign(kMaxUnknownRecords, {.type = 33, .value = ByteVector(2048)});
  ASSERT_TRUE(check_keyring(record).has_value()) << check_keyring(record).error().message();
  const ByteVector file = file_of(record);
  EXPECT_LE(file.size(), kMaxKeyringSizeBytes) << "the bounds together must fit the whole";
  const auto parsed = parse_keyring(file);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  EXPECT_EQ(parsed->record, record);
}

TEST(KeyringFormat, UnknownRecordsAreKeptInTheirPlaces) {
  KeyringRecord record = example_keyring();
  record.unknown = {{.type = 8, .value = {1}},
                    {.type = 8, .value = {}},
                    {.type = 15, .value = {2}},
                    {.type = 0xffff, .value = ByteVector(300, 3)}};
  const ByteVector file = file_of(record);
  const auto parsed = parse_keyring(file);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  EXPECT_EQ(file_of(parsed->record), file);
}

// What Keyhold wrote before it had policies.
TEST(KeyringFormat, AKeyRingWithoutAPolicyReadsTheSame) {
  KeyringRecord record = example_keyring();
  record.policy.reset();
  const ByteVector file = file_of(record);
  const auto parsed = parse_keyring(file);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  EXPECT_FALSE(parsed->record.policy.has_value());
  EXPECT_EQ(file_of(parsed->record), file);
}

TEST(KeyringFormat, PolicyVersionZeroIsDamage) {
  KeyringRecord record = example_keyring();
  record.policy->version = 0;
  EXPECT_FALSE(check_keyring(record).has_value());
  EXPECT_EQ(code_of_parse(file_of(record)), Code::integrity);
}

TEST(KeyringFormat, UnknownRecordThatMustBeUnderstoodIsUnsupported) {
  auto records = example_records();
  records.back().flags = kMustUnderstand;
  const auto parsed = parse_keyring(file_of(records));
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code(), Code::unsupported);
  EXPECT_THAT(parsed.error().message(), HasSubstr("made by a newer Keyhold; upgrade"));
}

TEST(KeyringFormat, UnknownFlagsAreUnsupported) {
  for (std::size_t i = 0; i < example_records().size(); ++i) {
    auto records = example_records();
    records[i].flags = static_cast<std::uint16_t>(records[i].flags | 0x8000);
    EXPECT_EQ(code_of_parse(file_of(records)), Code::unsupported) << i;
  }
}

TEST(KeyringFormat, NewerVersionIsUnsupportedOnlyUnderItsChecksum) {
  ByteVector file = file_of(example_keyring());
  file[8] = 2;
  EXPECT_EQ(code_of_parse(file), Code::integrity);
  EXPECT_EQ(code_of_parse(finish_keyring(ByteVector(file.begin(), file.end() - 64), {})),
            Code::unsupported);
  file[8] = 0;
  EXPECT_EQ(code_of_parse(finish_keyring(ByteVector(file.begin(), file.end() - 64), {})),
            Code::integrity);
}

TEST(KeyringFormat, EverySingleBitFlipAndTruncationIsDamage) {
  const ByteVector file = file_of(example_keyring());
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    ByteVector flipped = file;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_EQ(code_of_parse(flipped), Code::integrity) << bit;
  }
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_EQ(code_of_parse(ByteView(file).first(size)), Code::integrity) << size;
  }
  ByteVector longer = file;
  longer.push_back(0);
  EXPECT_EQ(code_of_parse(longer), Code::integrity);
}

TEST(KeyringFormat, EachSingletonMustBeThereOnce) {
  const auto all = example_records();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto type = static_cast<KeyringRecordType>(all[i].type);
    if (type == KeyringRecordType::rollback_accepted || all[i].type == 32) continue;
    SCOPED_TRACE("record type " + std::to_string(all[i].type));
    auto without = all;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    const bool may_be_missing = type == KeyringRecordType::policy;
    if (!may_be_missing) {
      EXPECT_EQ(code_of_parse(file_of(without)), Code::integrity);
    }
    auto twice = all;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), all[i]);
    EXPECT_EQ(code_of_parse(file_of(twice)), Code::integrity)
        << "a second lockbox of one CMEK, DEK of one generation, or singleton";
  }
}

TEST(KeyringFormat, RecordsOutOfOrderAreRefused) {
  for (std::size_t i = 1; i < example_records().size(); ++i) {
    auto records = example_records();
    std::swap(records[i - 1], records[i]);
    EXPECT_EQ(code_of_parse(file_of(records)), Code::integrity) << i;
  }
}

TEST(KeyringFormat, ValuesOfAnotherLengthAreRefused) {
  const auto all = example_records();
  for (std::size_t i = 0; i + 1 < all.size();
       ++i) {  // the last one is unknown: any length is right
    auto shorter = all;
    shorter[i].value.pop_back();
    EXPECT_EQ(code_of_parse(file_of(shorter)), Code::integrity) << all[i].type;
    auto longer = all;
    longer[i].value.push_back(0);
    EXPECT_EQ(code_of_parse(file_of(longer)), Code::integrity) << all[i].type;
  }
}

TEST(KeyringFormat, KnownRecordWithoutItsFlagIsRefused) {
  auto records = example_records();
  records[0].flags = 0;
  EXPECT_EQ(code_of_parse(file_of(records)), Code::integrity);
}

TEST(KeyringFormat, RecordBeyondTheEndIsRefused) {
  RawKeyring raw;
  for (const auto& [type, flags, value] : example_records()) raw.put(type, flags, value);
  EXPECT_TRUE(parse_keyring(raw.file()).has_value());
  raw.raw(counting_bytes<7>(0));
  EXPECT_EQ(code_of_parse(raw.file()), Code::integrity);
  EXPECT_EQ(code_of_parse(RawKeyring().raw(ByteVector{1, 0, 1, 0, 255, 255, 255, 255}).file()),
            Code::integrity);
  EXPECT_EQ(code_of_parse(RawKeyring().file()), Code::integrity);
}

struct Rule {
  const char* name;
  std::function<void(KeyringRecord&)> breaks;
};

TEST(KeyringFormat, EveryRuleIsCheckedByWriterAndReader) {
  const std::vector<Rule> rules = {
      {"empty org", [](auto& r) { r.identity.org.clear(); }},
      {"long cluster", [](auto& r) { r.identity.cluster = std::string(256, 'c'); }},
      {"control character", [](auto& r) { r.identity.region = "a\tb"; }},
      {"delete character", [](auto& r) { r.identity.node = "a\x7f"; }},
      {"sequence 0", [](auto& r) { r.sequence = 0; }},
      {"KEK version 0", [](auto& r) { r.kek.version = 0; }},
      {"due without age", [](auto& r) { r.rotation.age_seconds = 0; }},
      {"age without due", [](auto& r) { r.rotation.next_due = 0; }},
      {"no lockbox", [](auto& r) { r.lockboxes.clear(); }},
      {"lockbox of another KEK", [](auto& r) { r.lockboxes[0].kek_version = 1; }},
      {"key type 0", [](auto& r) { r.lockboxes[0].spec.type = 0; }},
      {"empty uri", [](auto& r) { r.lockboxes[0].spec.uri.clear(); }},
      {"long endpoint", [](auto& r) { r.lockboxes[0].spec.endpoint = std::string(2049, 'e'); }},
      {"long version", [](auto& r) { r.lockboxes[0].kms_key_version = std::string(513, 'v'); }},
      {"long algorithm", [](auto& r) { r.lockboxes[0].algorithm = std::string(513, 'a'); }},
      {"long request id", [](auto& r) { r.lockboxes[0].request_id = std::string(513, 'r'); }},
      {"purpose 0", [](auto& r) { r.lockboxes[0].purpose = 0; }},
      {"empty wrap", [](auto& r) { r.lockboxes[0].wrapped.clear(); }},
      {"long wrap", [](auto& r) { r.lockboxes[0].wrapped.resize(16385); }},
      {"too many lockboxes",
       [](auto& r) {
         for (int i = 0; i < 8; ++i) {
           r.lockboxes.push_back(r.lockboxes[0]);
           r.lockboxes.back().spec.uri += std::to_string(i);
         }
       }},
      {"two lockboxes of one CMEK", [](auto& r) { r.lockboxes.push_back(r.lockboxes[0]); }},
      {"no DEK", [](auto& r) { r.deks.clear(); }},
      {"generation 0", [](auto& r) { r.deks[0].generation = 0; }},
      {"generation twice", [](auto& r) { r.deks.push_back(r.deks[0]); }},
      {"DEK of another KEK", [](auto& r) { r.deks[0].kek_version = 3; }},
      {"too many DEKs",
       [](auto& r) {
         for (std::uint32_t i = 2; i < 4098; ++i) {
           r.deks.push_back(r.deks[0]);
           r.deks.back().generation = i;
         }
       }},
      {"too many events", [](auto& r) { r.rollbacks.resize(65); }},
      {"too many unknown", [](auto& r) { r.unknown.assign(65, {.type = 99, .value = {}}); }},
      {"long unknown",
       [](auto& r) { r.unknown.assign(1, {.type = 99, .value = ByteVector(131073)}); }},
  };
  for (const Rule& rule : rules) {
    KeyringRecord record = example_keyring();
    rule.breaks(record);
    const auto checked = check_keyring(record);
    ASSERT_FALSE(checked.has_value()) << rule.name;
    EXPECT_EQ(checked.error().code(), Code::invalid_argument) << rule.name;
    EXPECT_EQ(code_of_parse(file_of(record)), Code::integrity) << rule.name;
  }
}

// What survives the checksum is parsed without harm, and what parses is canonical.
TEST(KeyringFormat, RandomEditsUnderAFixedChecksumParseOrFailCleanly) {
  std::mt19937 random(20240607);
  const ByteVector body = serialize_keyring_body(example_keyring());
  int parsed_count = 0;
  for (int round = 0; round < 20'000; ++round) {
    ByteVector edited = body;
    for (unsigned edit = 0; edit <= random() % 3; ++edit) {
      edited[16 + random() % (edited.size() - 16)] = static_cast<std::uint8_t>(random());
    }
    const ByteVector file = finish_keyring(edited, {});
    const auto parsed = parse_keyring(file);
    if (!parsed) continue;
    ++parsed_count;
    EXPECT_EQ(finish_keyring(serialize_keyring_body(parsed->record), parsed->mac), file);
  }
  EXPECT_GT(parsed_count, 1000);
}

TEST(KeyringFormat, DekWrapContextIsInjective) {
  const KeyringDek dek = example_keyring().deks[0];
  const StoreId store = example_keyring().identity.store;
  const ByteVector context = dek_wrap_context(store, dek);
  EXPECT_EQ(context.size(), 2 + 18 + 16 + 16 + 4 + 4U);
  KeyringDek other = dek;
  other.generation = 2;
  EXPECT_NE(dek_wrap_context(store, other), context);
  other = dek;
  other.kek_version = 3;
  EXPECT_NE(dek_wrap_context(store, other), context);
  other = dek;
  other.id = KeyId(counting_bytes<16>(1));
  EXPECT_NE(dek_wrap_context(store, other), context);
  EXPECT_NE(dek_wrap_context(StoreId(counting_bytes<16>(1)), dek), context);
}

AnchorRecord example_anchor() {
  AnchorRecord anchor;
  anchor.store = StoreId(counting_bytes<16>(0xa0));
  anchor.sequence = 7;
  anchor.digest = counting_bytes<32>(1);
  anchor.macs[0] = {.kek_version = 2, .mac = counting_bytes<32>(0x20)};
  return anchor;
}

TEST(AnchorFormat, WhatIsWrittenReadsTheSame) {
  for (const std::uint32_t second : {0U, 3U}) {
    AnchorRecord anchor = example_anchor();
    if (second != 0) anchor.macs[1] = {.kek_version = second, .mac = counting_bytes<32>(0x60)};
    const ByteVector bytes = serialize_anchor(anchor);
    EXPECT_EQ(bytes.size(), kAnchorSizeBytes);
    const auto parsed = parse_anchor(bytes);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
    EXPECT_EQ(*parsed, anchor);
  }
}

TEST(AnchorFormat, EverySingleBitFlipAndTruncationIsDamage) {
  const ByteVector bytes = serialize_anchor(example_anchor());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    ByteVector flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto parsed = parse_anchor(flipped);
    ASSERT_FALSE(parsed.has_value()) << bit;
    EXPECT_EQ(parsed.error().code(), Code::integrity);
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_anchor(ByteView(bytes).first(size)).has_value()) << size;
  }
}

TEST(AnchorFormat, EveryRuleIsChecked) {
  const std::vector<std::function<void(AnchorRecord&)>> breaks = {
      [](auto& a) { a.macs[0].kek_version = 0; },
      [](auto& a) { a.macs[1].mac[5] = 1; },
      [](auto& a) { a.macs[1].kek_version = 2; },
      [](auto& a) { a.sequence = 0; },
  };
  for (const auto& break_rule : breaks) {
    AnchorRecord anchor = example_anchor();
    break_rule(anchor);
    const auto parsed = parse_anchor(serialize_anchor(anchor));
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().code(), Code::integrity);
  }
}

}  // namespace
}  // namespace keyhold::format
