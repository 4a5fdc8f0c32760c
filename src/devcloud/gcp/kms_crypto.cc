// Encryption and decryption, with the checksums of both directions.
#include <array>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/crc32c.h"
#include "devcloud/gcp/kms.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::string_view kPurpose = "gcp kms key material";
constexpr const char* kSymmetric = "ENCRYPT_DECRYPT";
constexpr std::size_t kMaxBytes = 64U << 10U;
// A ciphertext: 0x0a, the version (u32, big endian), what the sealer makes.
constexpr std::size_t kHeaderBytes = 5;

Answer<void> check_enabled(const std::string& name, const json& version) {
  const auto state = version.at("state").get<std::string>();
  if (state == "ENABLED") return {};
  return refuse(
      400, "FAILED_PRECONDITION", name + " is not enabled, current state is: " + state + ".",
      json::array(
          {{{"@type", "type.googleapis.com/google.rpc.PreconditionFailure"},
            {"violations", json::array({{{"type", "KEY_" + state}, {"subject", name}}})}}}));
}

Answer<void> check_purpose(const std::string& name, const json& key, const char* operation) {
  if (key.at("purpose") == kSymmetric) return {};
  return invalid("CryptoKey " + name + " has purpose " + key.at("purpose").get<std::string>() +
                 ", which is not usable for " + operation + "; required: ENCRYPT_DECRYPT.");
}

// google.protobuf.Int64Value in JSON: a number, or its digits.
Answer<std::uint64_t> checksum_of(const json& value, const std::string& field) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  const std::string text = value.is_string() ? value.get<std::string>() : std::string();
  const bool digits = !text.empty() && text.size() <= 19 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (digits) return std::stoull(text);
  return invalid("Invalid value at '" + field +
                 "_crc32c' (type.googleapis.com/"
                 "google.protobuf.Int64Value)");
}

// A field whose checksum may come with it.
Answer<ByteVector> checked(const json& body, const std::string& field) {
  ByteVector bytes;
  if (const auto given = body.find(field); given != body.end()) {
    auto decoded = given->is_string() ? from_base64(given->get<std::string>())
                                      : Result<ByteVector>(fail(Code::invalid_argument, "no text"));
    if (!decoded) return invalid("Invalid value at '" + field + "' (TYPE_BYTES)");
    bytes = *std::move(decoded);
  }
  if (bytes.size() > kMaxBytes) return invalid(field + " is longer than 65536 bytes.");
  const auto crc = body.find(field + "Crc32c");
  if (crc == body.end()) return bytes;
  KEYHOLD_TRY_ASSIGN(const std::uint64_t given, checksum_of(*crc, field));
  if (given == crc32c(bytes)) return bytes;
  return invalid("The checksum in field " + field + "_crc32c did not match the data in field " +
                 field + ".");
}

// Name and AAD: a ciphertext opens under its key alone.
ByteVector bound(const std::string& key, const ByteVector& aad) {
  ByteVector out(key.begin(), key.end());
  out.push_back(0);
  out.insert(out.end(), aad.begin(), aad.end());
  return out;
}

tl::unexpected<GcpError> internal(const Error& error) {
  return refuse(500, "INTERNAL", error.message());
}

}  // namespace

Answer<json> Kms::encrypt(const KmsCall& call, const Name& name, const State& state) const {
  KEYHOLD_TRY_ASSIGN(const json* key, find_key(state, name));
  KEYHOLD_TRY(check_purpose(name.key, *key, "Encrypt"));
  KEYHOLD_TRY_ASSIGN(const ByteVector plaintext, checked(call.body, "plaintext"));
  KEYHOLD_TRY_ASSIGN(const ByteVector aad, checked(call.body, "additionalAuthenticatedData"));
  Name used = name;
  if (used.number.empty()) used.number = key->value("primary", "");
  if (used.number.empty()) {
    return refuse(400, "FAILED_PRECONDITION", name.key + " has no primary version.");
  }
  used.full = name.key + "/cryptoKeyVersions/" + used.number;
  KEYHOLD_TRY_ASSIGN(const json* version, find_version(state, used));
  KEYHOLD_TRY(check_enabled(used.full, *version));
  const auto material = shared_.sealer.unwrap(kPurpose, version->at("wrapped").get<std::string>());
  if (!material) return internal(material.error());
  const auto sealed = seal(*material, plaintext, bound(name.key, aad), shared_.machine().random);
  if (!sealed) return internal(sealed.error());
  const auto number = static_cast<std::uint32_t>(std::stoul(used.number));
  ByteVector out = {0x0a, static_cast<std::uint8_t>(number >> 24U),
                    static_cast<std::uint8_t>(number >> 16U & 0xffU),
                    static_cast<std::uint8_t>(number >> 8U & 0xffU),
                    static_cast<std::uint8_t>(number & 0xffU)};
  out.insert(out.end(), sealed->begin(), sealed->end());
  return json{{"name", used.full},
              {"ciphertext", to_base64(out)},
              {"ciphertextCrc32c", std::to_string(crc32c(out))},
              {"verifiedPlaintextCrc32c", call.body.contains("plaintextCrc32c")},
              {"verifiedAdditionalAuthenticatedDataCrc32c",
               call.body.contains("additionalAuthenticatedDataCrc32c")},
              {"protectionLevel", "SOFTWARE"}};
}

Answer<json> Kms::decrypt(const KmsCall& call, const Name& name, const State& state) const {
  KEYHOLD_TRY_ASSIGN(const json* key, find_key(state, name));
  KEYHOLD_TRY(check_purpose(name.key, *key, "Decrypt"));
  KEYHOLD_TRY_ASSIGN(const ByteVector ciphertext, checked(call.body, "ciphertext"));
  KEYHOLD_TRY_ASSIGN(const ByteVector aad, checked(call.body, "additionalAuthenticatedData"));
  const auto unreadable = [] { return invalid("Decryption failed: the ciphertext is invalid."); };
  if (ciphertext.size() < kHeaderBytes || ciphertext[0] != 0x0a) return unreadable();
  std::uint32_t number = 0;
  for (std::size_t i = 1; i < kHeaderBytes; ++i) number = number << 8U | ciphertext[i];
  const std::string text = std::to_string(number);
  const auto version = key->at("versions").find(text);
  if (version == key->at("versions").end()) return unreadable();
  KEYHOLD_TRY(check_enabled(name.key + "/cryptoKeyVersions/" + text, *version));
  const auto material = shared_.sealer.unwrap(kPurpose, version->at("wrapped").get<std::string>());
  if (!material) return internal(material.error());
  auto plaintext =
      unseal(*material, ByteView(ciphertext).subspan(kHeaderBytes), bound(name.key, aad));
  if (!plaintext) return unreadable();
  if (call.wrong_key && !plaintext->empty()) plaintext->front() ^= 1;
  return json{{"plaintext", to_base64(*plaintext)},
              {"plaintextCrc32c", std::to_string(crc32c(*plaintext))},
              {"usedPrimary", text == key->value("primary", "")},
              {"protectionLevel", "SOFTWARE"}};
}

Answer<json> Kms::new_version(const std::string& purpose) const {
  json version = {{"state", "ENABLED"}, {"created", now_ms()}};
  if (purpose != kSymmetric) return version;
  const auto material = crypto::Key256::generate(shared_.machine().random);
  if (!material) return internal(material.error());
  const auto wrapped = shared_.sealer.wrap(kPurpose, *material);
  if (!wrapped) return internal(wrapped.error());
  version["wrapped"] = *wrapped;
  return version;
}

}  // namespace keyhold::devcloud::gcp
