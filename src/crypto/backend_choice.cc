#include "crypto/backend_choice.h"

#include <cstdlib>

#include "crypto/ipsec_mb.h"

namespace keyhold::crypto {

Result<BackendKind> choose_backend(const char* setting) {
  if (setting == nullptr) {
    return ipsec_mb_is_faster() ? BackendKind::ipsec_mb : BackendKind::openssl;
  }
  const std::string_view name = setting;
  if (name == "openssl") return BackendKind::openssl;
  if (name != "ipsec-mb") {
    return fail(Code::invalid_argument, "KEYHOLD_AEAD=" + std::string(name) +
                                            " names no AEAD back end; use openssl or ipsec-mb, or "
                                            "unset it");
  }
  if (ipsec_mb_manager() != nullptr) return BackendKind::ipsec_mb;
  return fail(
      Code::invalid_argument,
      "KEYHOLD_AEAD=ipsec-mb: this CPU lacks AES-NI or PCLMULQDQ; use openssl, or unset it");
}

const Result<BackendKind>& chosen_backend() {
  static const Result<BackendKind> choice = choose_backend(std::getenv("KEYHOLD_AEAD"));
  return choice;
}

}  // namespace keyhold::crypto
