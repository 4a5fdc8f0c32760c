// How Vault refuses, before it is put into its envelope.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace keyhold::devcloud::vault {

// {"errors": […]} with a status.
struct VaultError {
  int status = 400;
  std::vector<std::string> errors;
};

template <typename T>
using Answer = tl::expected<T, VaultError>;

inline tl::unexpected<VaultError> refuse(int status, std::string text) {
  return tl::unexpected<VaultError>(VaultError{status, {std::move(text)}});
}
inline tl::unexpected<VaultError> nothing_here() {
  return tl::unexpected<VaultError>(VaultError{404, {}});
}
// The form of errors that Vault's core adds up: policies, routing inside an engine.
inline tl::unexpected<VaultError> refuse_one(int status, const std::string& text) {
  return refuse(status, "1 error occurred:\n\t* " + text + "\n\n");
}
inline tl::unexpected<VaultError> permission_denied() {
  return refuse_one(403, "permission denied");
}

}  // namespace keyhold::devcloud::vault
