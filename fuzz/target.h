// What a fuzz target is: a file that defines run() and seeds(). libfuzzer_main.cc makes it a
// libFuzzer program, replay_main.cc a test.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace keyhold::fuzz {

// One input. Ends the process where something that always holds does not.
void run(ByteView input);

// Good inputs, to begin with.
std::vector<ByteVector> seeds();

// Ends the process unless `holds`, with a sentence about what does not.
void require(bool holds, const char* what);

}  // namespace keyhold::fuzz
