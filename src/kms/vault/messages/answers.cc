#include "kms/vault/messages/answers.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/json_member.h"
#include "kms/secret_json.h"

namespace keyhold::kms::vault {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPrefix = "vault:v";
constexpr std::size_t kKeySizeBytes = crypto::Key256::kSizeBytes;
constexpr std::size_t kLeastOverheadBytes = 12 + 16;  // AES-GCM, ChaCha20-Poly1305
constexpr std::size_t kMostOverheadBytes = 24 + 16;   // XChaCha20-Poly1305

tl::unexpected<keyhold::Error> not_an_answer(const char* of) {
  return fail(Code::invalid_argument, std::string("not Vault's answer to ") + of);
}

Json parse(std::string_view text) {
  return Json::parse(text, nullptr, false);
}

// The member of an object, or null.
const Json& member(const Json& object, const char* name) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool is_true(const Json& value) {
  return value.is_boolean() && value.get<bool>();
}

// A version number, or 0.
std::uint32_t version_of(const Json& value) {
  if (!value.is_number_unsigned()) return 0;
  const auto number = value.get<std::uint64_t>();
  return number <= UINT32_MAX ? static_cast<std::uint32_t>(number) : 0;
}

std::optional<std::uint32_t> parse_version(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || number == 0 || text.starts_with('0')) return std::nullopt;
  return number;
}

}  // namespace

keyhold::Result<Token> parse_login(WipedString& body) {
  auto value = take_json_string(body, "client_token");
  if (!value || value->empty()) return not_an_answer("a login");
  for (const char c : *value) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return not_an_answer("a login");
  }
  const Json json = parse(body);
  const Json& auth = member(json, "auth");
  const Json& lease = member(auth, "lease_duration");
  if (!lease.is_number_unsigned()) return not_an_answer("a login");
  constexpr std::uint64_t kLongest = 10ULL * 365 * 24 * 3600;
  return Token{.value = *std::move(value),
               .lifetime = std::chrono::seconds(std::min(lease.get<std::uint64_t>(), kLongest)),
               .revocable = text_of(member(auth, "token_type")) != "batch"};
}

keyhold::Result<TransitKey> parse_key(std::string_view body) {
  const Json json = parse(body);
  const Json& data = member(json, "data");
  TransitKey key{.type = text_of(member(data, "type")),
                 .latest_version = version_of(member(data, "latest_version")),
                 .min_decryption_version = version_of(member(data, "min_decryption_version")),
                 .derived = is_true(member(data, "derived")),
                 .soft_deleted = is_true(member(data, "soft_deleted")),
                 .deletion_allowed = is_true(member(data, "deletion_allowed")),
                 .request_id = text_of(member(json, "request_id"))};
  if (key.type.empty() || key.latest_version == 0) return not_an_answer("a read of a key");
  return key;
}

keyhold::Result<WrappedKey> parse_encrypt(std::string_view body) {
  const Json json = parse(body);
  const std::string text = text_of(member(member(json, "data"), "ciphertext"));
  const auto ciphertext = parse_ciphertext(as_bytes(text));
  if (!ciphertext) return not_an_answer("an encryption");
  const ByteView bytes = as_bytes(text);
  return WrappedKey{.ciphertext = ByteVector(bytes.begin(), bytes.end()),
                    .key_version = KeyVersion(std::to_string(ciphertext->version)),
                    .algorithm = {},
                    .request_id = text_of(member(json, "request_id"))};
}

keyhold::Result<UnwrappedKey> parse_decrypt(WipedString& body) {
  auto key = take_key(body, "plaintext");
  if (!key && key.error().code() != Code::invalid_argument) return fail(key.error());
  if (!key) return not_an_answer("a decryption");
  const Json json = parse(body);
  if (!member(member(json, "data"), "plaintext").is_string()) return not_an_answer("a decryption");
  return UnwrappedKey{
      .key = *std::move(key), .key_version = {}, .request_id = text_of(member(json, "request_id"))};
}

keyhold::Result<Ciphertext> parse_ciphertext(ByteView ciphertext) {
  const std::string_view text = as_text(ciphertext);
  const auto refused = [] {
    return fail(Code::invalid_argument, "not a key that Vault's transit engine wrapped");
  };
  if (text.size() > 128 || !text.starts_with(kPrefix)) return refused();
  const std::size_t colon = text.find(':', kPrefix.size());
  if (colon == std::string_view::npos) return refused();
  const auto version = parse_version(text.substr(kPrefix.size(), colon - kPrefix.size()));
  const auto sealed = from_base64(text.substr(colon + 1));
  if (!version || !sealed) return refused();
  const std::size_t overhead = sealed->size() - std::min(sealed->size(), kKeySizeBytes);
  if (overhead != kLeastOverheadBytes && overhead != kMostOverheadBytes) return refused();
  return Ciphertext{.version = *version, .text = text};
}

}  // namespace keyhold::kms::vault
