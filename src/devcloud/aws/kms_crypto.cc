// Encrypt, Decrypt, ReEncrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "devcloud/aws/arn.h"
#include "devcloud/aws/kms.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPlaintextBytes = 4096;
constexpr std::size_t kMaxCiphertextBytes = 6144;
constexpr const char* kSymmetric = "SYMMETRIC_DEFAULT";

std::string arn_of(const Key& key) {
  return key_arn(key.region, key.account, key.id);
}

Answer<void> check_symmetric(const Key& key) {
  if (key.usage == "ENCRYPT_DECRYPT" && key.spec == kSymmetric) return {};
  return refuse("InvalidKeyUsageException", arn_of(key) + " key usage is " + key.usage +
                                                " which is not valid for this operation.");
}

Answer<void> check_algorithm(const KmsCall& call, const char* member) {
  const std::string asked = optional_string(call.input, member);
  if (asked.empty() || asked == kSymmetric) return {};
  return refuse("InvalidKeyUsageException",
                "The encryption algorithm " + asked + " is not that of this key.");
}

// Somebody who may not use the key shall not learn from a ciphertext whether it exists.
tl::unexpected<AwsError> no_such_key() {
  return refuse(
      "AccessDeniedException",
      "The ciphertext refers to a customer master key that does not exist, does not exist "
      "in this region, or you are not allowed to access.");
}

const Key* key_with_id(const KmsCall& call, const std::string& id) {
  for (const auto& [arn, key] : call.state->keys) {
    if (key.id == id && key.region == call.region) return &key;
  }
  return nullptr;
}

// The key that a ciphertext names, by the request's own name for it where it gives one.
Answer<const Key*> key_of(const KmsCall& call, const std::string& name, const Ciphertext& blob,
                          const std::string& action, const EncryptionContext& context) {
  const std::string& account = call.caller.principal.account;
  if (!name.empty()) {
    KEYHOLD_TRY_ASSIGN(const Key* const key, find_key(*call.state, account, call.region, name,
                                                      Naming::key_or_alias, call.now));
    KEYHOLD_TRY(check_allowed(call, *key, action, context));
    if (key->id == blob.key_id) return key;
    return refuse("IncorrectKeyException",
                  "The key ID in the request does not identify a CMK that can perform this "
                  "operation.");
  }
  const Key* const key = key_with_id(call, blob.key_id);
  if (key == nullptr) return no_such_key();
  const auto allowed = check_allowed(call, *key, action, context);
  if (!allowed && key->account != account) return no_such_key();
  if (!allowed) return tl::unexpected(allowed.error());
  return find_key(*call.state, account, call.region, arn_of(*key), Naming::key_only, call.now);
}

}  // namespace

Answer<std::pair<ByteVector, std::string>> Kms::close(const Key& key, const AwsState& state,
                                                      ByteView plaintext,
                                                      const EncryptionContext& context) const {
  const auto materials = state.materials.find(key.id);
  if (materials == state.materials.end() || materials->second.empty()) {
    return broken("the key has no material");
  }
  const Material& current = materials->second.back();
  const auto secret = sealer_->unwrap(kMaterialPurpose, current.wrapped);
  if (!secret) return broken(secret.error().message());
  auto blob = encrypt(*secret, key.id, current.id, plaintext, context, machine_.random);
  if (!blob) return broken(blob.error().message());
  return std::pair{*std::move(blob), current.id};
}

Answer<Kms::Opened> Kms::open(const KmsCall& call, const char* key_name, const char* context_name,
                              const std::string& action) const {
  KEYHOLD_TRY_ASSIGN(const ByteVector bytes,
                     blob_member(call.input, "CiphertextBlob", kMaxCiphertextBytes));
  KEYHOLD_TRY_ASSIGN(const EncryptionContext context, context_member(call.input, context_name));
  const auto blob = parse_ciphertext(bytes);
  if (!blob) return refuse("InvalidCiphertextException", "");
  KEYHOLD_TRY_ASSIGN(const Key* const key,
                     key_of(call, optional_string(call.input, key_name), *blob, action, context));
  KEYHOLD_TRY(check_usable(*key, call.now));
  KEYHOLD_TRY(check_symmetric(*key));
  const auto materials = call.state->materials.find(key->id);
  if (materials == call.state->materials.end()) return broken("the key has no material");
  const auto material = std::ranges::find(materials->second, blob->material_id, &Material::id);
  if (material == materials->second.end()) return refuse("InvalidCiphertextException", "");
  const auto secret = sealer_->unwrap(kMaterialPurpose, material->wrapped);
  if (!secret) return broken(secret.error().message());
  auto plaintext = decrypt(*secret, *blob, context);
  if (!plaintext) return refuse("InvalidCiphertextException", "");
  if (call.wrong_key) machine_.random.fill(*plaintext);
  return Opened{key, material->id, *std::move(plaintext)};
}

Answer<json> Kms::encrypt_op(const KmsCall& call) const {
  KEYHOLD_TRY_ASSIGN(const ByteVector plaintext,
                     blob_member(call.input, "Plaintext", kMaxPlaintextBytes));
  KEYHOLD_TRY_ASSIGN(const EncryptionContext context,
                     context_member(call.input, "EncryptionContext"));
  KEYHOLD_TRY_ASSIGN(const Key* const key,
                     allowed_key(call, "kms:Encrypt", Naming::key_or_alias, context));
  KEYHOLD_TRY(check_usable(*key, call.now));
  KEYHOLD_TRY(check_symmetric(*key));
  KEYHOLD_TRY(check_algorithm(call, "EncryptionAlgorithm"));
  KEYHOLD_TRY_ASSIGN(const auto closed, close(*key, *call.state, plaintext, context));
  return json{{"CiphertextBlob", to_base64(closed.first)},
              {"KeyId", arn_of(*key)},
              {"EncryptionAlgorithm", kSymmetric}};
}

Answer<json> Kms::decrypt_op(const KmsCall& call) const {
  KEYHOLD_TRY(check_algorithm(call, "EncryptionAlgorithm"));
  KEYHOLD_TRY_ASSIGN(const Opened opened, open(call, "KeyId", "EncryptionContext", "kms:Decrypt"));
  return json{{"Plaintext", to_base64(opened.plaintext)},
              {"KeyId", arn_of(*opened.key)},
              {"EncryptionAlgorithm", kSymmetric},
              {"KeyMaterialId", opened.material_id}};
}

Answer<json> Kms::re_encrypt(const KmsCall& call) const {
  KEYHOLD_TRY(check_algorithm(call, "SourceEncryptionAlgorithm"));
  KEYHOLD_TRY(check_algorithm(call, "DestinationEncryptionAlgorithm"));
  KEYHOLD_TRY_ASSIGN(const EncryptionContext context,
                     context_member(call.input, "DestinationEncryptionContext"));
  KEYHOLD_TRY_ASSIGN(const std::string name, string_member(call.input, "DestinationKeyId"));
  KEYHOLD_TRY_ASSIGN(const Key* const to,
                     find_key(*call.state, call.caller.principal.account, call.region, name,
                              Naming::key_or_alias, call.now));
  KEYHOLD_TRY_ASSIGN(const Opened opened,
                     open(call, "SourceKeyId", "SourceEncryptionContext", "kms:ReEncryptFrom"));
  KEYHOLD_TRY(check_allowed(call, *to, "kms:ReEncryptTo", context));
  KEYHOLD_TRY(check_usable(*to, call.now));
  KEYHOLD_TRY(check_symmetric(*to));
  KEYHOLD_TRY_ASSIGN(const auto closed, close(*to, *call.state, opened.plaintext, context));
  return json{{"CiphertextBlob", to_base64(closed.first)},
              {"SourceKeyId", arn_of(*opened.key)},
              {"KeyId", arn_of(*to)},
              {"SourceEncryptionAlgorithm", kSymmetric},
              {"DestinationEncryptionAlgorithm", kSymmetric},
              {"SourceKeyMaterialId", opened.material_id},
              {"DestinationKeyMaterialId", closed.second}};
}

Answer<json> Kms::make_data_key(const KmsCall& call, bool with_plaintext) const {
  KEYHOLD_TRY_ASSIGN(const EncryptionContext context,
                     context_member(call.input, "EncryptionContext"));
  const std::string spec = optional_string(call.input, "KeySpec");
  std::size_t size = spec == "AES_128" ? 16 : spec == "AES_256" ? 32 : 0;
  const auto number = call.input.find("NumberOfBytes");
  if (spec.empty() && number != call.input.end() && number->is_number_unsigned()) {
    size = number->get<std::size_t>();
  }
  if (size < 1 || size > 1024 || (!spec.empty() && number != call.input.end())) {
    return refuse("ValidationException", "Please specify either number of bytes or key spec.");
  }
  const std::string action =
      with_plaintext ? "kms:GenerateDataKey" : "kms:GenerateDataKeyWithoutPlaintext";
  KEYHOLD_TRY_ASSIGN(const Key* const key,
                     allowed_key(call, action, Naming::key_or_alias, context));
  KEYHOLD_TRY(check_usable(*key, call.now));
  KEYHOLD_TRY(check_symmetric(*key));
  ByteVector data_key(size);
  machine_.random.fill(data_key);
  KEYHOLD_TRY_ASSIGN(const auto closed, close(*key, *call.state, data_key, context));
  json out = {{"CiphertextBlob", to_base64(closed.first)},
              {"KeyId", arn_of(*key)},
              {"KeyMaterialId", closed.second}};
  if (with_plaintext) out["Plaintext"] = to_base64(data_key);
  return out;
}

Answer<json> Kms::generate_data_key(const KmsCall& call) const {
  return make_data_key(call, true);
}
Answer<json> Kms::generate_without_plaintext(const KmsCall& call) const {
  return make_data_key(call, false);
}

}  // namespace keyhold::devcloud::aws
