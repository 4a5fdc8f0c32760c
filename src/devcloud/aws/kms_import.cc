// Imported key material: GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial.
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/timestamp.h"
#include "crypto/kdf.h"
#include "crypto/rsa_oaep.h"
#include "devcloud/aws/arn.h"
#include "devcloud/aws/kms.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr std::string_view kTokenPurpose = "aws kms import token";
constexpr std::chrono::hours kTokenLifetime{24};
constexpr std::size_t kMaxTokenBytes = 6144;
constexpr const char* kAlgorithm = "RSAES_OAEP_SHA_256";

std::string arn_of(const Key& key) {
  return key_arn(key.region, key.account, key.id);
}

double to_seconds(WallTime time) {
  return static_cast<double>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

WallTime from_seconds(double seconds) {
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000.0)));
}

Answer<void> check_external(const Key& key) {
  if (key.origin != "EXTERNAL") {
    return refuse("UnsupportedOperationException", arn_of(key) + " origin is " + key.origin +
                                                       " which is not valid for this operation.");
  }
  if (key.state != KeyState::pending_deletion) return {};
  return refuse("KMSInvalidStateException", arn_of(key) + " is pending deletion.");
}

Answer<int> bits_of(const std::string& spec) {
  if (spec == "RSA_2048") return 2048;
  if (spec == "RSA_3072") return 3072;
  if (spec == "RSA_4096") return 4096;
  return refuse("ValidationException", "WrappingKeySpec " + spec + " is not supported.");
}

// The same material has the same id, and the id says nothing of it.
Answer<std::string> id_of(const crypto::Key256& key) {
  const auto value = crypto::check_value(key);
  if (!value) return broken(value.error().message());
  return to_hex(crypto::sha256(*value));
}

Answer<std::optional<WallTime>> expiry_of(const KmsCall& call) {
  const std::string model = optional_string(call.input, "ExpirationModel");
  const auto valid_to = call.input.find("ValidTo");
  if (model == "KEY_MATERIAL_DOES_NOT_EXPIRE") return std::optional<WallTime>();
  if (!model.empty() && model != "KEY_MATERIAL_EXPIRES") {
    return refuse("ValidationException", "unknown ExpirationModel " + model);
  }
  if (valid_to == call.input.end() || !valid_to->is_number()) {
    return refuse("ValidationException", "ValidTo must be set if the material expires.");
  }
  const WallTime at = from_seconds(valid_to->get<double>());
  if (at <= call.now) return refuse("ValidationException", "ValidTo is in the past.");
  return std::optional<WallTime>(at);
}

struct ImportToken {
  std::string arn;
  WallTime expires;
  ByteVector private_der;
};

std::string seal_content(const std::string& arn, WallTime expires, const std::string& base64) {
  return json{{"a", arn}, {"x", to_seconds(expires)}, {"k", base64}}.dump();
}

Answer<ImportToken> open_token(const Sealer& sealer, ByteView sealed) {
  const auto opened = sealer.unseal(kTokenPurpose, sealed);
  if (!opened) return refuse("InvalidImportTokenException", "The import token is invalid.");
  const json content = json::parse(as_text(*opened));
  const auto der = from_base64(content.at("k").get<std::string>());
  if (!der) return broken(der.error().message());
  return ImportToken{content.at("a"), from_seconds(content.at("x").get<double>()), *der};
}

// The material that the request brings, under the key that its token carries.
Answer<crypto::Key256> brought(const KmsCall& call, const Sealer& sealer, const Key& key) {
  KEYHOLD_TRY_ASSIGN(const ByteVector sealed,
                     blob_member(call.input, "ImportToken", kMaxTokenBytes));
  KEYHOLD_TRY_ASSIGN(const ByteVector wrapped,
                     blob_member(call.input, "EncryptedKeyMaterial", kMaxTokenBytes));
  KEYHOLD_TRY_ASSIGN(const ImportToken token, open_token(sealer, sealed));
  if (token.arn != arn_of(key)) {
    return refuse("InvalidImportTokenException", "The import token is for another key.");
  }
  if (token.expires <= call.now) {
    return refuse("ExpiredImportTokenException", "The import token is expired.");
  }
  const auto private_key = crypto::RsaKey::from_der(token.private_der);
  if (!private_key) return broken(private_key.error().message());
  auto material = private_key->decrypt_oaep_sha256(wrapped);
  if (material) return *std::move(material);
  return material.error().code() == Code::invalid_argument
             ? refuse("IncorrectKeyMaterialException", "The key material is not 32 bytes long.")
             : refuse("InvalidCiphertextException", "");
}

}  // namespace

Answer<json> Kms::get_parameters_for_import(const KmsCall& call) const {
  const std::string algorithm = optional_string(call.input, "WrappingAlgorithm");
  if (algorithm != kAlgorithm) {
    return refuse("ValidationException", "WrappingAlgorithm " + algorithm + " is not supported.");
  }
  KEYHOLD_TRY_ASSIGN(const int bits, bits_of(optional_string(call.input, "WrappingKeySpec")));
  KEYHOLD_TRY_ASSIGN(const Key* const key,
                     allowed_key(call, "kms:GetParametersForImport", Naming::key_only));
  KEYHOLD_TRY(check_external(*key));
  const auto pair = crypto::RsaKey::generate(bits);
  if (!pair) return broken(pair.error().message());
  const WallTime expires = call.now + kTokenLifetime;
  WipedString private_key;
  append_base64(private_key, pair->private_der());
  const auto sealed = sealer_->seal(
      kTokenPurpose, as_bytes(seal_content(arn_of(*key), expires, std::string(private_key))));
  if (!sealed) return broken(sealed.error().message());
  return json{{"KeyId", arn_of(*key)},
              {"ImportToken", to_base64(*sealed)},
              {"PublicKey", to_base64(pair->public_der())},
              {"ParametersValidTo", to_seconds(expires)}};
}

Answer<json> Kms::import_key_material(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const Key* const key,
                     allowed_key(call, "kms:ImportKeyMaterial", Naming::key_only));
  KEYHOLD_TRY(check_external(*key));
  KEYHOLD_TRY_ASSIGN(const auto expires, expiry_of(call));
  KEYHOLD_TRY_ASSIGN(const auto secret, brought(call, *sealer_, *key));
  KEYHOLD_TRY_ASSIGN(const std::string id, id_of(secret));
  const auto wrapped = sealer_->wrap(kMaterialPurpose, secret);
  if (!wrapped) return broken(wrapped.error().message());
  KEYHOLD_TRY(
      change_key(call, "kms:ImportKeyMaterial", [&](AwsState& state, Key& changed) -> Answer<void> {
        auto& materials = state.materials[changed.id];
        if (!materials.empty() && materials.back().id != id) {
          return refuse("IncorrectKeyMaterialException",
                        "The key material is not that which was imported before.");
        }
        if (materials.empty()) materials.push_back({id, *wrapped, call.now});
        materials.back().wrapped = *wrapped;
        changed.material_expires = expires;
        if (changed.state != KeyState::disabled) changed.state = KeyState::enabled;
        return {};
      }));
  return json{{"KeyId", arn_of(*key)}, {"KeyMaterialId", id}};
}

Answer<json> Kms::delete_imported_key_material(const KmsCall& call) const {
  std::string id;
  KEYHOLD_TRY_ASSIGN(
      const Key changed,
      change_key(
          call, "kms:DeleteImportedKeyMaterial", [&](AwsState& state, Key& key) -> Answer<void> {
            KEYHOLD_TRY(check_external(key));
            key.state = KeyState::pending_import;
            key.material_expires.reset();
            auto& materials = state.materials[key.id];
            bool in_use = false;
            for (const auto& [arn, other] : state.keys) {
              in_use = in_use || (other.id == key.id && other.state != KeyState::pending_import);
            }
            if (!materials.empty()) id = materials.back().id;
            if (!materials.empty() && !in_use) materials.back().wrapped.clear();
            return {};
          }));
  return json{{"KeyId", arn_of(changed)}, {"KeyMaterialId", id}};
}

}  // namespace keyhold::devcloud::aws
