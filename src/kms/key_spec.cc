#include "kms/key_spec.h"

#include <array>

namespace keyhold::kms {
namespace {

struct TypeRow {
  KeyType type;
  std::string_view name;
};

constexpr std::array kTypes = {
    TypeRow{KeyType::aws_kms, "AWS_KMS"},
    TypeRow{KeyType::gcp_cloud_kms, "GCP_CLOUD_KMS"},
    TypeRow{KeyType::azure_key_vault, "AZURE_KEY_VAULT"},
    TypeRow{KeyType::vault_transit, "VAULT_TRANSIT"},
    TypeRow{KeyType::pkcs11, "PKCS11"},
    TypeRow{KeyType::local, "LOCAL"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (static_cast<std::size_t>(kTypes.at(i).type) != i + 1) return false;
  }
  return true;
}
static_assert(in_order(), "one row for each type, in the order of the enum");

}  // namespace

std::string_view key_type_name(KeyType type) {
  return kTypes.at(static_cast<std::size_t>(type) - 1).name;
}

keyhold::Result<KeyType> parse_key_type(std::string_view name) {
  std::string known;
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return row.type;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return fail(Code::invalid_argument,
              "unknown KMS type \"" + std::string(name) + "\": one of " + known);
}

}  // namespace keyhold::kms
