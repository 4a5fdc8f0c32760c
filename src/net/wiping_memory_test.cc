#include "net/wiping_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace keyhold::net {
namespace {

TEST(WipingMemory, PieceIsAlignedAndKeepsItsContentWhenItGrowsAndShrinks) {
  void* memory = wiping_malloc(5);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignof(std::max_align_t), 0U);
  std::memcpy(memory, "abcde", 5);
  memory = wiping_realloc(memory, 5'000);
  EXPECT_EQ(std::string(static_cast<char*>(memory), 5), "abcde");
  memory = wiping_realloc(memory, 3);
  EXPECT_EQ(std::string(static_cast<char*>(memory), 3), "abc");
  wiping_free(memory);
  wiping_free(nullptr);
}

TEST(WipingMemory, ReallocOfNothingIsMalloc) {
  void* const memory = wiping_realloc(nullptr, 16);
  ASSERT_NE(memory, nullptr);
  wiping_free(memory);
}

TEST(WipingMemory, CallocIsZeroedAndRefusesAnOverflow) {
  auto* const memory = static_cast<std::uint8_t*>(wiping_calloc(100, 8));
  ASSERT_NE(memory, nullptr);
  EXPECT_TRUE(std::all_of(memory, memory + 800, [](std::uint8_t b) { return b == 0; }));
  wiping_free(memory);
  const volatile std::size_t huge = SIZE_MAX / 2;
  EXPECT_EQ(wiping_calloc(huge, 3), nullptr);
  EXPECT_EQ(wiping_malloc(SIZE_MAX - 1 - (huge - huge)), nullptr);
}

TEST(WipingMemory, StrdupCopiesWithTheEnd) {
  char* const copy = wiping_strdup("text");
  EXPECT_EQ(std::string(copy), "text");
  wiping_free(copy);
}

}  // namespace
}  // namespace keyhold::net
