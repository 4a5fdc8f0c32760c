#include "kms/local/messages/format.h"

#include <chrono>

#include <gtest/gtest.h>

#include "crypto/kdf.h"
#include "crypto/random.h"

namespace keyhold::kms::local {
namespace {

using crypto::SecretAccess;
using std::chrono::milliseconds;

KeyFile sample(std::uint32_t version_count) {
  KeyFile key;
  key.id = LocalKeyId(ByteVector(16, 0x77));
  key.created = WallTime(milliseconds(1'772'357'400'250));
  for (std::uint32_t number = 1; number <= version_count; ++number) {
    key.versions.push_back({.number = number,
                            .created = key.created + milliseconds(number),
                            .material = crypto::Key256::generate(crypto::system_random()).value()});
  }
  key.primary = version_count;
  return key;
}

ByteVector bytes_of(const KeyFile& key) {
  const crypto::SecretBlock block = serialize_key_file(key).value();
  const ByteView bytes = block.bytes(SecretAccess::grant());
  return {bytes.begin(), bytes.end()};
}

// With a checksum that fits, so that only the change itself is in the parser's way.
ByteVector changed(ByteVector bytes, std::size_t at, std::uint8_t value) {
  bytes.at(at) = value;
  const std::size_t content_size = bytes.size() - kChecksumSizeBytes;
  copy_bytes(crypto::sha256(ByteView(bytes).first(content_size)),
             MutableByteView(bytes).subspan(content_size));
  return bytes;
}

Code code_of(ByteView bytes) {
  const auto key = parse_key_file(bytes);
  return key ? Code::internal : key.error().code();
}

TEST(KeyFile, StatesKeepTheirNumbersAndNames) {
  const std::pair<State, std::string_view> kAll[] = {{State::enabled, "enabled"},
                                                     {State::disabled, "disabled"},
                                                     {State::pending_deletion, "pending_deletion"},
                                                     {State::destroyed, "destroyed"}};
  int number = 1;
  for (const auto& [state, name] : kAll) {
    EXPECT_EQ(static_cast<int>(state), number++);
    EXPECT_EQ(state_name(state), name);
  }
}

TEST(KeyFile, ParsesBackInEachState) {
  for (const State state : {State::enabled, State::disabled, State::pending_deletion}) {
    KeyFile key = sample(3);
    key.state = state;
    if (state == State::pending_deletion) key.deletion_date = key.created + std::chrono::days(7);
    const ByteVector bytes = bytes_of(key);
    EXPECT_EQ(bytes.size(), 64U + 3 * 48 + 32);
    const KeyFile parsed = parse_key_file(bytes).value();
    EXPECT_EQ(parsed.id, key.id);
    EXPECT_EQ(parsed.state, state);
    EXPECT_EQ(parsed.created, key.created);
    EXPECT_EQ(parsed.deletion_date, key.deletion_date);
    EXPECT_EQ(parsed.primary, 3U);
    ASSERT_EQ(parsed.versions.size(), 3U);
    EXPECT_EQ(parsed.versions[1].number, 2U);
    EXPECT_EQ(parsed.versions[1].created, key.versions[1].created);
    EXPECT_EQ(bytes_of(parsed), bytes);
  }
}

TEST(KeyFile, DestroyedKeyHasNoMaterial) {
  KeyFile key = sample(0);
  key.state = State::destroyed;
  key.deletion_date = key.created;
  const ByteVector bytes = bytes_of(key);
  EXPECT_EQ(bytes.size(), 96U);
  EXPECT_EQ(bytes_of(parse_key_file(bytes).value()), bytes);
}

TEST(KeyFile, LargestIsTakenAndOneVersionMoreIsNot) {
  EXPECT_EQ(bytes_of(sample(kMaxKeyVersions)).size(), kMaxKeyFileSizeBytes);
  EXPECT_TRUE(parse_key_file(bytes_of(sample(kMaxKeyVersions))).has_value());
  EXPECT_EQ(code_of(bytes_of(sample(kMaxKeyVersions + 1))), Code::integrity);
}

TEST(KeyFile, EveryFlippedBitAndEveryCutIsRefused) {
  const ByteVector bytes = bytes_of(sample(2));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    ByteVector flipped = bytes;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    const bool in_format_version = bit / 8 >= 8 && bit / 8 < 12;
    EXPECT_EQ(code_of(flipped), in_format_version ? Code::unsupported : Code::integrity) << bit;
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(code_of(ByteView(bytes).first(size)), Code::integrity) << size;
  }
}

TEST(KeyFile, ContentThatNoWriterMakesIsRefusedWithAGoodChecksumToo) {
  const ByteVector bytes = bytes_of(sample(2));
  ASSERT_EQ(code_of(changed(bytes, 12, 2)), Code::internal);  // disabled: a good key
  const std::pair<std::size_t, std::uint8_t> kCases[] = {
      {12, 0},     // no state
      {12, 5},     // unknown state
      {12, 3},     // pending deletion without a date
      {12, 4},     // destroyed with versions
      {13, 1},     // reserved
      {56, 1},     // reserved
      {39, 0xff},  // created out of range
      {40, 1},     // a deletion date, but enabled
      {48, 3},     // a primary version that is not there
      {48, 0},     //
      {52, 1},     // count and size disagree
      {52, 3},     //
      {64, 0},     // version 0
      {64, 2},     // the same version twice
      {64, 3},     // versions out of order
      {68, 1},     // reserved
      {79, 0xff},  // a version's time out of range
  };
  for (const auto& [at, value] : kCases) {
    EXPECT_EQ(code_of(changed(bytes, at, value)), Code::integrity) << at << " " << int{value};
  }
}

TEST(KeyFile, TimesAreCutToMillisecondsAndNeverBefore1970) {
  KeyFile key = sample(1);
  key.created = WallTime(std::chrono::nanoseconds(1'999'999));
  key.versions[0].created = WallTime(milliseconds(-5));
  const KeyFile parsed = parse_key_file(bytes_of(key)).value();
  EXPECT_EQ(parsed.created, WallTime(milliseconds(1)));
  EXPECT_EQ(parsed.versions[0].created, WallTime{});
}

TEST(Marker, OnlyTheOneOfThisFormatIsTaken) {
  const auto marker = serialize_marker();
  EXPECT_TRUE(check_marker(marker).has_value());
  for (std::size_t at = 0; at < marker.size(); ++at) {
    auto other = marker;
    other.at(at) ^= 0x80U;
    EXPECT_EQ(check_marker(other).error().code(), at < 8 ? Code::integrity : Code::unsupported);
    EXPECT_EQ(check_marker(ByteView(marker).first(at)).error().code(), Code::integrity);
  }
  ByteVector longer(marker.begin(), marker.end());
  longer.push_back(0);
  EXPECT_EQ(check_marker(longer).error().code(), Code::integrity);
}

TEST(CiphertextHeader, ParsesBackFromAWholeCiphertextOnly) {
  const CiphertextHeader header{.key_id = LocalKeyId(ByteVector(16, 3)), .version = 258};
  const auto bytes = serialize_ciphertext_header(header);
  ByteVector ciphertext(bytes.begin(), bytes.end());
  EXPECT_EQ(parse_ciphertext_header(ciphertext).error().code(), Code::wrong_key);
  ciphertext.resize(kCiphertextSizeBytes);
  EXPECT_EQ(parse_ciphertext_header(ciphertext).value(), header);
  ciphertext[4] = 2;
  EXPECT_EQ(parse_ciphertext_header(ciphertext).error().code(), Code::wrong_key);
}

}  // namespace
}  // namespace keyhold::kms::local
