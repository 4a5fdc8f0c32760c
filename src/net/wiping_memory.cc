#include "net/wiping_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace keyhold::net {
namespace {

// In front of each piece: its size. As large as the strictest alignment, which it keeps.
constexpr std::size_t kPrefixBytes = alignof(std::max_align_t);
static_assert(kPrefixBytes >= sizeof(std::size_t));

std::size_t size_of(const void* memory) {
  std::size_t size = 0;
  std::memcpy(&size, static_cast<const char*>(memory) - kPrefixBytes, sizeof size);
  return size;
}

}  // namespace

void* wiping_malloc(std::size_t size) {
  if (size > SIZE_MAX - kPrefixBytes) return nullptr;
  auto* const piece = static_cast<char*>(std::malloc(kPrefixBytes + size));
  if (piece == nullptr) return nullptr;
  std::memcpy(piece, &size, sizeof size);
  return piece + kPrefixBytes;
}

void wiping_free(void* memory) {
  if (memory == nullptr) return;
  explicit_bzero(memory, size_of(memory));
  std::free(static_cast<char*>(memory) - kPrefixBytes);
}

void* wiping_realloc(void* memory, std::size_t size) {
  void* const larger = wiping_malloc(size);
  if (larger == nullptr || memory == nullptr) return larger;
  std::memcpy(larger, memory, std::min(size, size_of(memory)));
  wiping_free(memory);
  return larger;
}

char* wiping_strdup(const char* text) {
  const std::size_t size = std::strlen(text) + 1;
  void* const copy = wiping_malloc(size);
  return copy == nullptr ? nullptr : static_cast<char*>(std::memcpy(copy, text, size));
}

void* wiping_calloc(std::size_t count, std::size_t size) {
  if (size != 0 && count > SIZE_MAX / size) return nullptr;
  void* const memory = wiping_malloc(count * size);
  return memory == nullptr ? nullptr : std::memset(memory, 0, count * size);
}

}  // namespace keyhold::net
