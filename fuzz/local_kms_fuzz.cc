// A LOCAL KMS's files: key files, the marker, ciphertext headers, the access log.
#include <algorithm>

#include "crypto/kdf.h"
#include "kms/local/lifecycle.h"
#include "kms/local/messages/format.h"
#include "kms/local/messages/log_entry.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

using namespace kms::local;

void parse_key(ByteView bytes) {
  const auto key = parse_key_file(bytes);
  if (!key) return;
  const auto written = serialize_key_file(*key);
  require(written.has_value(), "a key that was parsed is written");
  require(std::ranges::equal(written->bytes(crypto::SecretAccess::grant()), bytes),
          "a key file comes back");
}

ByteVector with_checksum(ByteView bytes) {
  ByteVector fixed(bytes.begin(), bytes.end());
  if (fixed.size() < kChecksumSizeBytes) return fixed;
  const auto sum = crypto::sha256(ByteView(fixed).first(fixed.size() - kChecksumSizeBytes));
  copy_bytes(sum, MutableByteView(fixed).last(kChecksumSizeBytes));
  return fixed;
}

void parse_ciphertext(ByteView bytes) {
  const auto header = parse_ciphertext_header(bytes);
  if (!header) return;
  require(std::ranges::equal(serialize_ciphertext_header(*header),
                             bytes.first(kCiphertextHeaderSizeBytes)),
          "a ciphertext's header comes back");
}

void parse_entry(std::string_view line) {
  const auto entry = parse_log_entry(line);
  if (!entry) return;
  const std::string written = serialize_log_entry(*entry);
  const auto again = parse_log_entry(written.substr(0, written.size() - 1));
  require(again.has_value() && *again == *entry, "a log entry comes back");
}

}  // namespace

void run(ByteView input) {
  parse_key(input);
  parse_key(with_checksum(input));
  static_cast<void>(check_marker(input).has_value());
  parse_ciphertext(input);
  parse_entry(as_text(input));
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  const auto add = [&](ByteView bytes) { seeds.emplace_back(bytes.begin(), bytes.end()); };
  const WallTime now{std::chrono::hours(24 * 365 * 50)};
  KeyFile key = *new_key(crypto::system_random(), now);
  const auto add_key = [&] { add(serialize_key_file(key)->bytes(crypto::SecretAccess::grant())); };
  add_key();
  require(rotate(key, crypto::system_random(), now).has_value(), "a key rotates");
  require(schedule_deletion(key, 7, now).has_value(), "its deletion is scheduled");
  add_key();
  add(serialize_marker());
  ByteVector ciphertext(kCiphertextSizeBytes);
  copy_bytes(serialize_ciphertext_header({.key_id = key.id, .version = 2}), ciphertext);
  add(ciphertext);
  destroy(key);
  add_key();
  const std::string entry = serialize_log_entry({.time = now,
                                                 .request_id = "00112233445566778899aabbccddeeff",
                                                 .operation = "unwrap",
                                                 .key = "orders",
                                                 .version = 2,
                                                 .outcome = "ok",
                                                 .context = {{"org", "acme"}},
                                                 .pid = 42});
  add(as_bytes(entry).first(entry.size() - 1));
  return seeds;
}

}  // namespace keyhold::fuzz
