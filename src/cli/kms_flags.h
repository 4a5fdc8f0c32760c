// The flags that name a CMEK, the same everywhere.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "kms/key_spec.h"

namespace keyhold::cli {

struct KmsFlags {
  std::string type;
  std::string uri;
  std::string auth_principal;
  std::string endpoint;
  std::string ca_file;

  // --kms-type, --kms-uri, --auth-principal, --kms-endpoint, --kms-ca, in a section of their own.
  std::vector<Argument> arguments(bool uri_required);
  // None of them was given.
  [[nodiscard]] bool empty() const;
  // The type is inferred from a local:// URI. Code::invalid_argument says what is missing.
  [[nodiscard]] Result<kms::KeySpec> to_spec() const;
};

}  // namespace keyhold::cli
