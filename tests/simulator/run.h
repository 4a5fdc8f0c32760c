// One run: a region, its hosts and their troubles, from a seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bugs.h"
#include "world.h"

namespace keyhold::simulator {

struct Outcome {
  std::optional<Violation> violation;
  std::vector<std::string> trace;  // where asked for
};

// The same for the same seed, everywhere.
Outcome run(std::uint64_t seed, Bug bug, bool tracing);

}  // namespace keyhold::simulator
