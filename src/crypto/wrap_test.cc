#include "crypto/wrap.h"

#include <numeric>

#include <gtest/gtest.h>

namespace keyhold::crypto {
namespace {

// Bytes that count up, so that a vector can be written down.
class CountingRandom final : public Random {
 public:
  explicit CountingRandom(std::uint8_t next) : next_(next) {}
  void fill(MutableByteView out) override {
    std::iota(out.begin(), out.end(), next_);
    next_ = static_cast<std::uint8_t>(next_ + out.size());
  }

 private:
  std::uint8_t next_;
};

Key256 counting_key(std::uint8_t first) {
  CountingRandom random(first);
  return Key256::generate(random).value();
}

bool same(const Key256& a, const Key256& b) {
  return equal_constant_time(a.bytes(SecretAccess::grant()), b.bytes(SecretAccess::grant()));
}

// Computed apart, with Python's cryptography, from the layout in wrap.h.
TEST(Wrap, BytesAreThoseOfTheDocumentedConstruction) {
  CountingRandom salt(0x40);
  const auto wrapped =
      wrap_key(counting_key(0), counting_key(0x80), as_bytes("context"), salt).value();
  EXPECT_EQ(to_hex(wrapped),
            "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
            "a77b98cb43f7fe2920d883b20f0b88173a8ae9aa781a96df4205169037ed3e79"
            "2ad9492d28dda6dec0c3b1f4c7b3d713");
}

TEST(Wrap, UnwrapGivesTheKeyBack) {
  const Key256 kek = counting_key(1);
  const Key256 key = counting_key(2);
  const auto wrapped = wrap_key(kek, key, as_bytes("context"), system_random()).value();
  EXPECT_EQ(wrapped.size(), kWrappedKeySizeBytes);
  EXPECT_TRUE(same(unwrap_key(kek, wrapped, as_bytes("context")).value(), key));
}

TEST(Wrap, TwoWrapsOfOneKeyShareNothing) {
  const Key256 kek = counting_key(1);
  const Key256 key = counting_key(2);
  const auto a = wrap_key(kek, key, {}, system_random()).value();
  const auto b = wrap_key(kek, key, {}, system_random()).value();
  for (const std::size_t offset : {0, 32, 64}) {
    EXPECT_NE(to_hex(ByteView(a).subspan(offset, 16)), to_hex(ByteView(b).subspan(offset, 16)));
  }
}

Code unwrap_error(const Key256& kek, ByteView wrapped, std::string_view context) {
  const auto key = unwrap_key(kek, wrapped, as_bytes(context));
  return key ? Code::internal : key.error().code();
}

TEST(Wrap, OtherKeyContextOrLengthIsAnIntegrityError) {
  const Key256 kek = counting_key(1);
  auto wrapped = wrap_key(kek, counting_key(2), as_bytes("context"), system_random()).value();
  EXPECT_EQ(unwrap_error(counting_key(3), wrapped, "context"), Code::integrity);
  EXPECT_EQ(unwrap_error(kek, wrapped, "contexT"), Code::integrity);
  EXPECT_EQ(unwrap_error(kek, wrapped, ""), Code::integrity);
  EXPECT_EQ(unwrap_error(kek, {}, "context"), Code::integrity);
  wrapped.push_back(0);
  EXPECT_EQ(unwrap_error(kek, wrapped, "context"), Code::integrity);
}

TEST(Wrap, EveryFlippedBitIsAnIntegrityError) {
  const Key256 kek = counting_key(1);
  const auto wrapped = wrap_key(kek, counting_key(2), as_bytes("context"), system_random()).value();
  for (std::size_t bit = 0; bit < wrapped.size() * 8; ++bit) {
    ByteVector damaged = wrapped;
    damaged.at(bit / 8) = static_cast<std::uint8_t>(damaged.at(bit / 8) ^ (1U << (bit % 8)));
    EXPECT_EQ(unwrap_error(kek, damaged, "context"), Code::integrity) << "bit " << bit;
  }
}

}  // namespace
}  // namespace keyhold::crypto
