// A store's config file: what is parsed is written back as it was.
#include <algorithm>

#include "format/store_config.h"
#include "target.h"

namespace keyhold::fuzz {

void run(ByteView input) {
  const auto parse = [](ByteView file) {
    const auto parsed = format::parse_store_config(file);
    if (!parsed) return;
    const ByteVector written = format::finish_store_config(
        format::serialize_store_config_body(parsed->config), parsed->mac);
    require(std::ranges::equal(written, file), "a config comes back");
  };
  parse(input);
  if (input.size() < 16) return;
  ByteVector fixed(input.begin(), input.end());
  store_le(MutableByteView(fixed).subspan(12), static_cast<std::uint32_t>(fixed.size()));
  parse(fixed);
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (const char* anchor : {"", "/mnt/anchors/orders"}) {
    const format::StoreConfig config{
        .store = {}, .mac_generation = Generation{1}, .anchor_path = anchor};
    seeds.push_back(format::finish_store_config(format::serialize_store_config_body(config), {}));
  }
  return seeds;
}

}  // namespace keyhold::fuzz
