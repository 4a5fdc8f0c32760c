// Objects of tests that outlive every test: clocks, which clients shared by the process go on
// using. Still reachable at its end, so that no leak is reported.
#pragma once

#include <memory>
#include <vector>

namespace keyhold {

// Not thread-safe.
template <typename T>
T& immortal() {
  static auto& all = *new std::vector<std::unique_ptr<T>>;
  return *all.emplace_back(std::make_unique<T>());
}

}  // namespace keyhold
