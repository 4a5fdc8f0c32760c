// The key ring's copies and its anchor: what is parsed keeps the format's rules and is written back
// as it was.
#include <algorithm>

#include "crypto/kdf.h"
#include "format/keyring.h"
#include "format/keyring_anchor.h"
#include "format/keyring_example.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

using namespace format;

void parse_copy(ByteView bytes) {
  const auto parsed = parse_keyring(bytes);
  if (!parsed) return;
  require(check_keyring(parsed->record).has_value(), "what was parsed can be written");
  const ByteVector written = finish_keyring(serialize_keyring_body(parsed->record), parsed->mac);
  require(std::ranges::equal(written, bytes), "a key ring comes back");
}

void parse_statement(ByteView bytes) {
  const auto parsed = parse_anchor(bytes);
  if (parsed) require(std::ranges::equal(serialize_anchor(*parsed), bytes), "an anchor comes back");
}

// Past the checksum, which no mutation hits.
ByteVector with_length_and_checksum(ByteView bytes) {
  ByteVector fixed(bytes.begin(), bytes.end());
  if (fixed.size() < 48) return fixed;
  store_le(MutableByteView(fixed).subspan(12), static_cast<std::uint32_t>(fixed.size()));
  const auto sum = crypto::sha256(ByteView(fixed).first(fixed.size() - 32));
  copy_bytes(sum, MutableByteView(fixed).last(32));
  return fixed;
}

}  // namespace

void run(ByteView input) {
  parse_copy(input);
  parse_statement(input);
  const ByteVector fixed = with_length_and_checksum(input);
  parse_copy(fixed);
  parse_statement(fixed);
}

std::vector<ByteVector> seeds() {
  KeyringRecord record = example_keyring();
  std::vector<ByteVector> seeds = {finish_keyring(serialize_keyring_body(record), {})};
  record.unknown.clear();
  record.policy.reset();
  record.rollbacks.clear();
  record.lockboxes.push_back(record.lockboxes.front());
  record.lockboxes.back().spec.uri += "-2";
  record.deks.push_back(record.deks.front());
  record.deks.back().generation = 2;
  seeds.push_back(finish_keyring(serialize_keyring_body(record), {}));
  AnchorRecord anchor{.store = record.identity.store, .sequence = 7, .digest = {}, .macs = {}};
  anchor.digest.fill(1);
  anchor.macs[0].kek_version = 1;
  seeds.push_back(serialize_anchor(anchor));
  return seeds;
}

}  // namespace keyhold::fuzz
