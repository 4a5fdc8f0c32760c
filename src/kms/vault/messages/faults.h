// The taxonomy of Vault and OpenBao: what an answer that is not 200 means (docs/kms/vault.md has
// the table). Sans-I/O; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kms/error.h"
#include "net/http_client.h"

namespace keyhold::kms::vault {

enum class Step : std::uint8_t { login, read_key, encrypt, decrypt };

// The strings of Vault's {"errors": […]}; nothing where the body is not such an answer, so that
// nothing else (a proxy's page) is ever evidence.
struct Refusal {
  bool parsed = false;
  std::vector<std::string> errors;
};
Refusal parse_refusal(std::string_view body);

// REQUIRES: response.status is not 200. The message holds what Vault says, bounded, printable.
Error fault_of(Step step, const net::HttpResponse& response);

}  // namespace keyhold::kms::vault
