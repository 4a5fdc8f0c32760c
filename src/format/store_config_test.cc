#include "format/store_config.h"

#include <numeric>

#include <gtest/gtest.h>

#include "crypto/labels.h"
#include "format/test_document.h"

namespace keyhold::format {
namespace {

ByteVector counting(std::uint8_t first, std::size_t size) {
  ByteVector bytes(size);
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

StoreConfig example() {
  return {.store = StoreId(counting(0xa0, 16)),
          .mac_generation = Generation{7},
          .anchor_path = "/mnt/usb/anchor"};
}

ByteVector file_of(const StoreConfig& config) {
  using crypto::Key256;
  const Key256 dek = Key256::copy_of(counting(0x20, 32), crypto::SecretAccess::grant()).value();
  const Key256 key = crypto::hkdf_sha256(dek, {}, as_bytes(crypto::labels::kConfigMac)).value();
  ByteVector body = serialize_store_config_body(config);
  const crypto::Mac mac = crypto::hmac_sha256(key, body);
  return finish_store_config(std::move(body), mac);
}

TEST(StoreConfigFormat, TheDocumentsExampleIsWhatIsWritten) {
  auto blocks = hex_blocks(std::string(KEYHOLD_DOCS_DIR) + "/formats/control-socket.md");
  EXPECT_EQ(to_hex(file_of(example())), to_hex(blocks["config"]));
}

TEST(StoreConfigFormat, ReadsAsItWasWritten) {
  const ByteVector file = file_of(example());
  const auto parsed = parse_store_config(file);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->config, example());
  EXPECT_EQ(store_config_mac_input(file).size(), file.size() - 32);
}

TEST(StoreConfigFormat, CutOrExtendedIsIntegrity) {
  ByteVector file = file_of(example());
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_EQ(parse_store_config(ByteView(file).first(size)).error().code(), Code::integrity)
        << size;
  }
  file.push_back(0);
  EXPECT_EQ(parse_store_config(file).error().code(), Code::integrity);
}

TEST(StoreConfigFormat, NewerFormatIsUnsupported) {
  ByteVector file = file_of(example());
  file[8] = 2;
  EXPECT_EQ(parse_store_config(file).error().code(), Code::unsupported);
}

TEST(StoreConfigFormat, RelativeOrBrokenAnchorPathIsRefused) {
  ByteVector file = file_of(example());
  file[38] = 'm';
  EXPECT_EQ(parse_store_config(file).error().code(), Code::integrity);
  file = file_of(example());
  file[40] = 0;
  EXPECT_EQ(parse_store_config(file).error().code(), Code::integrity);
}

}  // namespace
}  // namespace keyhold::format
