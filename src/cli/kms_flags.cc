#include "cli/kms_flags.h"

namespace keyhold::cli {

std::vector<Argument> KmsFlags::arguments(bool uri_required) {
  Argument uri_argument =
      text("--kms-uri", "URI", uri, "the CMEK, as local:///srv/customer-kms/orders");
  uri_argument.required = uri_required;
  Argument type_argument =
      text("--kms-type", "TYPE", type, "what keeps the CMEK; may be left out for a local:// URI");
  for (const auto known :
       {kms::KeyType::aws_kms, kms::KeyType::gcp_cloud_kms, kms::KeyType::azure_key_vault,
        kms::KeyType::vault_transit, kms::KeyType::pkcs11, kms::KeyType::local}) {
    type_argument.choices.emplace_back(kms::key_type_name(known));
  }
  std::vector<Argument> all = {
      uri_argument,
      type_argument,
      text("--auth-principal", "PRINCIPAL", auth_principal,
           "use the CMEK as this role, service account or user"),
      text("--kms-endpoint", "URL", endpoint, "reach the KMS here instead of at its own address"),
      path("--kms-ca", "FILE", ca_file, "trust these certificates (PEM) instead of the system's"),
  };
  for (Argument& argument : all) argument.section = "The customer's key (CMEK)";
  return all;
}

bool KmsFlags::empty() const {
  return type.empty() && uri.empty() && auth_principal.empty() && endpoint.empty() &&
         ca_file.empty();
}

Result<kms::KeySpec> KmsFlags::to_spec() const {
  if (uri.empty()) return fail(Code::invalid_argument, "--kms-uri is missing: which key?");
  kms::KeySpec spec;
  if (!type.empty()) {
    KEYHOLD_TRY_ASSIGN(spec.type, kms::parse_key_type(type));
  } else if (uri.starts_with("local:")) {
    spec.type = kms::KeyType::local;
  } else {
    return fail(
        Code::invalid_argument,
        "--kms-type is missing: only a local:// URI says by itself which KMS keeps the key");
  }
  spec.uri = KeyUri(uri);
  spec.auth_principal = AuthPrincipal(auth_principal);
  spec.endpoint = endpoint;
  spec.ca_file = ca_file;
  return spec;
}

}  // namespace keyhold::cli
