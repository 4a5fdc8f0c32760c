// A new CMEK that does not exist.
#pragma once

#include <chrono>

#include "base/error.h"
#include "kms/client.h"

namespace keyhold::cli {

// What to tell where the KMS refused a key that no store depends on yet: Code::not_found, with what
// to do, where it has no such key; else `error` itself.
Error explain_refusal(const Error& error, const kms::KeySpec& spec, const kms::Caller& caller,
                      std::chrono::nanoseconds timeout);

}  // namespace keyhold::cli
