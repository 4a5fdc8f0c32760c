// The environment's word on back ends, read once: what aead.cc and block_prf.cc choose by.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace keyhold::crypto {

enum class BackendKind : unsigned char { openssl, ipsec_mb };

// `setting` is KEYHOLD_AEAD's value, null where unset. Code::invalid_argument for an unknown name,
// and for ipsec-mb where this CPU cannot run it.
Result<BackendKind> choose_backend(const char* setting);

// choose_backend of this process's environment, as it was at the first call.
const Result<BackendKind>& chosen_backend();

}  // namespace keyhold::crypto
