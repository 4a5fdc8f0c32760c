#include "format/store_config.h"

#include <gtest/gtest.h>

namespace keyhold::format {
namespace {

StoreConfig example() {
  std::array<std::uint8_t, 16> id{};
  id.fill(0xab);
  return {.store = StoreId(id), .mac_generation = Generation{7}, .anchor_path = "/mnt/usb/anchor"};
}

ByteVector file_of(const StoreConfig& config) {
  crypto::Mac mac{};
  mac.fill(0x5a);
  return finish_store_config(serialize_store_config_body(config), mac);
}

// The worked example of docs/formats/control-socket.md.
TEST(StoreConfigFormat, WorkedExampleIsByteExact) {
  EXPECT_EQ(to_hex(file_of(example())),
            "4b48434f4e464947"
            "01000000"
            "55000000"
            "abababababababababababababababab"
            "07000000"
            "0f002f6d6e742f7573622f616e63686f72"
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
}

TEST(StoreConfigFormat, ReadsAsItWasWritten) {
  const ByteVector file = file_of(example());
  const auto parsed = parse_store_config(file);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->config, example());
  EXPECT_EQ(parsed->mac[0], 0x5a);
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
