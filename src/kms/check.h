// Whether Keyhold can use a CMEK, step by step, and what is missing where it cannot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kms/client.h"

namespace keyhold::kms {

struct CheckStep {
  enum class Outcome : std::uint8_t { passed, failed, skipped } outcome;
  std::string name;    // "credentials", "describe", "unwrap with another context"
  std::string detail;  // what was found; of a failure what the KMS says
};

struct CheckReport {
  std::vector<CheckStep> steps;
  std::vector<std::string> warnings;  // of a key that works, or would: a sentence each
  std::vector<Grant> missing;         // what to paste, where a step was denied
  std::optional<Error> failure;       // of the first step that failed; nothing: all passed
};

// Logins, describe, wrap, unwrap, unwrap with another context (which has to be refused), probe,
// each within `patience`. Wraps a random key that nobody keeps; changes nothing.
CheckReport check_key(Client& client, const WrapContext& context, const Clock& clock,
                      crypto::Random& random, std::chrono::nanoseconds patience);

}  // namespace keyhold::kms
