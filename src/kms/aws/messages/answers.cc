#include "kms/aws/messages/answers.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/json_member.h"
#include "kms/secret_json.h"

namespace keyhold::kms::aws {
namespace {

using nlohmann::json;

constexpr double kLatestEpoch = 9e9;  // the year 2255; later ones do not fit

tl::unexpected<Error> no_answer(std::string_view action) {
  return fail(Code::invalid_argument, "not an answer of " + std::string(action));
}

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Seconds since 1970, with a fraction.
std::optional<WallTime> time_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kLatestEpoch) return std::nullopt;
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

bool holds_base64(std::string_view body, std::string_view name) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  const auto value = find_json_string(body, name);
  return value && body.substr(value->begin, value->size).find_first_not_of(kAlphabet) ==
                      std::string_view::npos;
}

}  // namespace

keyhold::Result<Encrypted> parse_encrypt(std::string_view body) {
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object()) return no_answer("Encrypt");
  auto ciphertext = from_base64(text_of(answer, "CiphertextBlob"));
  Encrypted encrypted{.ciphertext = {},
                      .key_arn = text_of(answer, "KeyId"),
                      .algorithm = text_of(answer, "EncryptionAlgorithm")};
  const bool good = ciphertext && !ciphertext->empty() &&
                    ciphertext->size() <= kMaxCiphertextBytes && !encrypted.key_arn.empty();
  if (!good) return no_answer("Encrypt");
  encrypted.ciphertext = *std::move(ciphertext);
  if (encrypted.algorithm.empty()) encrypted.algorithm = "SYMMETRIC_DEFAULT";
  return encrypted;
}

keyhold::Result<Decrypted> parse_decrypt(WipedString& body) {
  Decrypted decrypted;
  const bool plaintext = holds_base64(body, "Plaintext");
  auto key = take_key(body, "Plaintext");
  if (!key && !plaintext) return no_answer("Decrypt");
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object()) return no_answer("Decrypt");
  decrypted.key_arn = text_of(answer, "KeyId");
  decrypted.key_material_id = text_of(answer, "KeyMaterialId");
  if (decrypted.key_arn.empty()) return no_answer("Decrypt");
  if (key) decrypted.key = *std::move(key);
  return decrypted;
}

keyhold::Result<KeyMetadata> parse_describe(std::string_view body) {
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object()) return no_answer("DescribeKey");
  const auto found = answer.find("KeyMetadata");
  if (found == answer.end() || !found->is_object()) return no_answer("DescribeKey");
  KeyMetadata key{.arn = text_of(*found, "Arn"),
                  .state = text_of(*found, "KeyState"),
                  .usage = text_of(*found, "KeyUsage"),
                  .key_spec = text_of(*found, "KeySpec"),
                  .origin = text_of(*found, "Origin"),
                  .current_material_id = text_of(*found, "CurrentKeyMaterialId"),
                  .deletion_date = time_of(*found, "DeletionDate"),
                  .valid_to = time_of(*found, "ValidTo"),
                  .multi_region = found->value("MultiRegion", json()) == json(true)};
  if (key.key_spec.empty()) key.key_spec = text_of(*found, "CustomerMasterKeySpec");
  if (key.arn.empty() || key.state.empty()) return no_answer("DescribeKey");
  return key;
}

}  // namespace keyhold::kms::aws
