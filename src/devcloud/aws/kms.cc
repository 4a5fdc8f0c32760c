#include "devcloud/aws/kms.h"

#include <nlohmann/json.hpp>

#include "crypto/kdf.h"
#include "devcloud/aws/arn.h"

namespace keyhold::devcloud::aws {

using nlohmann::json;

const std::map<std::string, Kms::Operation, std::less<>>& Kms::operations() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"CancelKeyDeletion", &Kms::cancel_key_deletion},
      {"CreateAlias", &Kms::create_alias},
      {"CreateKey", &Kms::create_key},
      {"Decrypt", &Kms::decrypt_op},
      {"DeleteAlias", &Kms::delete_alias},
      {"DeleteImportedKeyMaterial", &Kms::delete_imported_key_material},
      {"DescribeKey", &Kms::describe_key},
      {"DisableKey", &Kms::disable_key},
      {"EnableKey", &Kms::enable_key},
      {"Encrypt", &Kms::encrypt_op},
      {"GenerateDataKey", &Kms::generate_data_key},
      {"GenerateDataKeyWithoutPlaintext", &Kms::generate_without_plaintext},
      {"GetKeyPolicy", &Kms::get_key_policy},
      {"GetParametersForImport", &Kms::get_parameters_for_import},
      {"ImportKeyMaterial", &Kms::import_key_material},
      {"ListAliases", &Kms::list_aliases},
      {"ListKeys", &Kms::list_keys},
      {"PutKeyPolicy", &Kms::put_key_policy},
      {"ReEncrypt", &Kms::re_encrypt},
      {"ReplicateKey", &Kms::replicate_key},
      {"RotateKeyOnDemand", &Kms::rotate_key_on_demand},
      {"ScheduleKeyDeletion", &Kms::schedule_key_deletion},
      {"UpdateAlias", &Kms::update_alias},
  };
  return table;
}

bool Kms::has(std::string_view operation) {
  return operations().contains(operation);
}

Answer<json> Kms::handle(const KmsCall& call) const {
  const auto operation = operations().find(call.operation);
  if (operation == operations().end()) return refuse("UnknownOperationException", "");
  try {
    return (this->*operation->second)(call);
  } catch (const json::type_error& error) {
    return refuse("SerializationException",
                  std::string("a member of another type: ") + error.what());
  }
}

Answer<void> Kms::change(const std::function<Answer<void>(AwsState&)>& edit) const {
  AwsError refusal;
  const Status changed = versions_->change([&](AwsState& state) -> Status {
    const auto outcome = edit(state);
    if (outcome) return {};
    refusal = outcome.error();
    return fail(Code::invalid_argument, refusal.message);
  });
  if (changed) return {};
  if (!refusal.code.empty()) return tl::unexpected(refusal);
  return broken(changed.error().message());
}

Answer<Key> Kms::change_key(const KmsCall& call, const std::string& action,
                            const std::function<Answer<void>(AwsState&, Key&)>& edit) const {
  KEYHOLD_TRY_ASSIGN(const Key* const key, allowed_key(call, action, Naming::key_only));
  const std::string arn = key_arn(key->region, key->account, key->id);
  Key changed;
  KEYHOLD_TRY(change([&](AwsState& state) -> Answer<void> {
    const auto found = state.keys.find(arn);
    if (found == state.keys.end()) {
      return refuse("NotFoundException", "Key '" + arn + "' does not exist");
    }
    KEYHOLD_TRY(edit(state, found->second));
    changed = found->second;
    return {};
  }));
  return changed;
}

Result<Material> Kms::new_material(WallTime now) const {
  KEYHOLD_TRY_ASSIGN(const auto key, crypto::Key256::generate(machine_.random));
  Material material;
  ByteVector id(crypto::kMacSizeBytes);
  machine_.random.fill(id);
  material.id = to_hex(id);
  KEYHOLD_TRY_ASSIGN(material.wrapped, sealer_->wrap(kMaterialPurpose, key));
  material.created = now;
  return material;
}

std::string Kms::new_key_id(bool multi_region) const {
  ByteVector random(16);
  machine_.random.fill(random);
  random[6] = static_cast<std::uint8_t>((random[6] & 0x0fU) | 0x40U);  // RFC 4122, version 4
  random[8] = static_cast<std::uint8_t>((random[8] & 0x3fU) | 0x80U);
  const std::string hex = to_hex(random);
  if (multi_region) return "mrk-" + hex;
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace keyhold::devcloud::aws
