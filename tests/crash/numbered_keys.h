// The numbered keys of the crash and seal loops: what a key's value must be follows from its
// number, so whoever knows the numbers that were acknowledged can look for all of them.
#pragma once

#include <cstdint>
#include <string>

constexpr std::uint64_t kBatchKeys = 20;

inline std::string key_of(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return "key-" + std::string(12 - digits.size(), '0') + digits;
}

// 50 to 449 bytes that depend on every bit of the number.
inline std::string value_of(std::uint64_t number) {
  std::uint64_t state = number * 0x9E3779B97F4A7C15U + 1;
  std::string value(50 + number % 400, '\0');
  for (char& c : value) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    c = static_cast<char>(state >> 56);
  }
  return value;
}
