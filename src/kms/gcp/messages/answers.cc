#include "kms/gcp/messages/answers.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/crc32c.h"
#include "base/timestamp.h"
#include "kms/gcp/messages/wrapped.h"
#include "kms/secret_json.h"

namespace keyhold::kms::gcp {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxCiphertextBytes = 12288;

tl::unexpected<keyhold::Error> not_an_answer() {
  return fail(Code::invalid_argument, "not an answer of Google Cloud KMS");
}
tl::unexpected<keyhold::Error> changed() {
  return fail(Code::integrity, "Google Cloud KMS: a checksum does not fit: changed on the way");
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_true(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// An int64 in JSON: a string of digits (protobuf's JSON mapping), or a number.
std::optional<std::uint64_t> number_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return std::nullopt;
  if (found->is_number_unsigned()) return found->get<std::uint64_t>();
  const std::string text = text_of(object, name);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

keyhold::Result<WrappedKey> parse_encrypt(const KeyName& key, std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return not_an_answer();
  const auto version = version_of(key, text_of(json, "name"));
  const auto ciphertext = from_base64(text_of(json, "ciphertext"));
  const auto checksum = number_of(json, "ciphertextCrc32c");
  if (!version || !ciphertext || ciphertext->empty() || !checksum) return not_an_answer();
  if (ciphertext->size() > kMaxCiphertextBytes) return not_an_answer();
  if (*checksum != crc32c(*ciphertext)) return changed();
  if (!is_true(json, "verifiedPlaintextCrc32c") ||
      !is_true(json, "verifiedAdditionalAuthenticatedDataCrc32c")) {
    return changed();
  }
  std::uint32_t number = 0;
  std::from_chars(version->data(), version->data() + version->size(), number);
  const bool external = text_of(json, "protectionLevel").starts_with("EXTERNAL");
  return WrappedKey{
      .ciphertext = serialize_wrapped({.version = number, .ciphertext = *ciphertext}),
      .key_version = KeyVersion(*version),
      .algorithm = external ? "EXTERNAL_SYMMETRIC_ENCRYPTION" : "GOOGLE_SYMMETRIC_ENCRYPTION",
      .request_id = {}};
}

keyhold::Result<UnwrappedKey> parse_decrypt(WipedString& body) {
  auto key = take_key(body, "plaintext");
  if (!key && key.error().code() != Code::invalid_argument) return fail(key.error());
  if (!key) return not_an_answer();
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || text_of(json, "plaintext").empty()) return not_an_answer();
  const auto checksum = number_of(json, "plaintextCrc32c");
  if (!checksum) return not_an_answer();
  if (*checksum != crc32c(key->bytes(crypto::SecretAccess::grant()))) return changed();
  return UnwrappedKey{.key = *std::move(key), .key_version = {}, .request_id = {}};
}

std::optional<WallTime> parse_time(std::string_view text) {
  constexpr std::size_t kWholeSeconds = 19;  // 2026-03-01T09:30:00
  if (text.size() <= kWholeSeconds || text.back() != 'Z') return std::nullopt;
  std::string_view fraction = text.substr(kWholeSeconds, text.size() - kWholeSeconds - 1);
  std::string millis = "000";
  if (!fraction.empty()) {
    if (fraction.front() != '.' || fraction.size() < 2 || fraction.size() > 10) return std::nullopt;
    fraction.remove_prefix(1);
    const bool digits = std::ranges::all_of(fraction, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return std::nullopt;
    for (std::size_t i = 0; i < millis.size() && i < fraction.size(); ++i) millis[i] = fraction[i];
  }
  return parse_timestamp(std::string(text.substr(0, kWholeSeconds)) + "." + millis + "Z");
}

keyhold::Result<Described> parse_describe(const KeyName& key, std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return not_an_answer();
  Described described;
  const Json* version = &json;
  if (key.version.empty()) {
    if (text_of(json, "name") != key.key) return not_an_answer();
    described.purpose = text_of(json, "purpose");
    const auto primary = json.find("primary");
    if (primary == json.end()) return described;
    if (!primary->is_object()) return not_an_answer();
    version = &*primary;
  } else if (text_of(json, "algorithm").ends_with("SYMMETRIC_ENCRYPTION")) {
    described.purpose = "ENCRYPT_DECRYPT";
  }
  const auto number = version_of(key, text_of(*version, "name"));
  described.state = text_of(*version, "state");
  if (!number || described.state.empty()) return not_an_answer();
  if (!key.version.empty() && *number != key.version) return not_an_answer();
  described.version = *number;
  described.destroy_time = parse_time(text_of(*version, "destroyTime"));
  return described;
}

}  // namespace keyhold::kms::gcp
