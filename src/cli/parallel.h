// Independent pieces of work on a few threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/error.h"

namespace keyhold::cli {

// Calls work(0) … work(count - 1), each once, on at most `jobs` threads (this one included). After
// a failure no new piece begins; returns the failure of the lowest-numbered piece that failed.
Status in_parallel(std::size_t count, std::uint32_t jobs,
                   const std::function<Status(std::size_t)>& work);

}  // namespace keyhold::cli
