// Text that may hold a secret: its memory is wiped before it is given back.
//
// For what passes through on its way from or to a KMS (tokens, a base64 of a key); keys themselves
// live in crypto/secret.h. Texts of up to 15 characters stand in the object itself and are not
// wiped; a key in base64 has 44. Not locked in RAM: keep them short-lived.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <string.h>

namespace keyhold {

template <typename T>
struct WipingAllocator {
  using value_type = T;

  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) {
    explicit_bzero(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) { return true; }
};

using WipedString = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;

}  // namespace keyhold
