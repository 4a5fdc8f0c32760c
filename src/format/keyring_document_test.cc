// The worked example in docs/formats/keyring.md: these very bytes, and every secret in them.
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "crypto/labels.h"
#include "format/keyring.h"
#include "format/keyring_anchor.h"
#include "format/keyring_example.h"
#include "format/test_document.h"

namespace keyhold::format {
namespace {

using crypto::Key256;
using crypto::SecretAccess;

// The salt of the example's one wrap.
class ExampleRandom final : public crypto::Random {
 public:
  void fill(MutableByteView out) override {
    ASSERT_EQ(out.size(), 32U);
    copy_bytes(counting_bytes<32>(0x40), out);
  }
};

class KeyringDocument : public testing::Test {
 protected:
  KeyringDocument() {
    auto& dek = record_.deks[0];
    record_.kek.check = crypto::check_value(kek_).value();
    dek.check = crypto::check_value(dek_).value();
    ExampleRandom random;
    const auto context = dek_wrap_context(record_.identity.store, dek);
    copy_bytes(crypto::wrap_key(kek_, dek_, context, random).value(), dek.wrapped);
  }

  crypto::Mac mac(std::string_view label, ByteView message) const {
    const Key256 key =
        crypto::hkdf_sha256(kek_, record_.identity.store.bytes(), as_bytes(label)).value();
    return crypto::hmac_sha256(key, message);
  }
  ByteVector keyring() const {
    ByteVector body = serialize_keyring_body(record_);
    const auto keyring_mac = mac(crypto::labels::kKeyringMac, body);
    return finish_keyring(std::move(body), keyring_mac);
  }

  std::map<std::string, ByteVector> blocks_ =
      hex_blocks(std::string(KEYHOLD_DOCS_DIR) + "/formats/keyring.md");
  Key256 kek_ = Key256::copy_of(counting_bytes<32>(0), SecretAccess::grant()).value();
  Key256 dek_ = Key256::copy_of(counting_bytes<32>(0x20), SecretAccess::grant()).value();
  KeyringRecord record_ = example_keyring();
};

TEST_F(KeyringDocument, ExampleIsWhatIsWritten) {
  EXPECT_EQ(to_hex(keyring()), to_hex(blocks_["keyring"]));
}

TEST_F(KeyringDocument, ExampleIsWhatIsRead) {
  const auto parsed = parse_keyring(blocks_["keyring"]);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  EXPECT_EQ(parsed->record, record_);
  EXPECT_EQ(parsed->mac, mac(crypto::labels::kKeyringMac, keyring_mac_input(blocks_["keyring"])));
  const auto& dek = parsed->record.deks[0];
  const auto unwrapped =
      crypto::unwrap_key(kek_, dek.wrapped, dek_wrap_context(record_.identity.store, dek));
  ASSERT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
  EXPECT_EQ(to_hex(unwrapped->bytes(SecretAccess::grant())), to_hex(counting_bytes<32>(0x20)));
}

TEST_F(KeyringDocument, AnchorExampleIsWhatIsWrittenAndRead) {
  AnchorRecord anchor;
  anchor.store = record_.identity.store;
  anchor.sequence = record_.sequence;
  anchor.digest = parse_keyring(keyring()).value().digest;
  anchor.macs[0] = {.kek_version = 2,
                    .mac = mac(crypto::labels::kAnchorMac, anchor_mac_input(anchor))};
  EXPECT_EQ(to_hex(serialize_anchor(anchor)), to_hex(blocks_["anchor"]));
  EXPECT_EQ(parse_anchor(blocks_["anchor"]).value(), anchor);
}

}  // namespace
}  // namespace keyhold::format
