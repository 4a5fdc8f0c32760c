#include "crypto/secret.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/kdf.h"
#include "crypto/secret_pool.h"
#include "crypto/test_process_memory.h"

namespace keyhold::crypto {
namespace {

constexpr std::size_t kPage = SecretPool::kPageSizeBytes;

const std::uint8_t* address_of(const SecretBlock& block) {
  return block.bytes(SecretAccess::grant()).data();
}

SecretBlock block_of(std::size_t size_bytes) {
  return SecretBlock::allocate(size_bytes).value();
}

void fill(SecretBlock& block, std::uint8_t byte) {
  std::ranges::fill(block.bytes(SecretAccess::grant()), byte);
}

TEST(SecretBlock, MemoryIsLockedAndLeftOutOfCoreFiles) {
  for (const std::size_t size_bytes : {std::size_t{32}, std::size_t{1008}, 5 * kPage}) {
    const SecretBlock block = block_of(size_bytes);
    const MappingInfo mapping = mapping_of(address_of(block));
    EXPECT_NE(mapping.flags.find(" lo "), std::string::npos) << mapping.flags;
    EXPECT_NE(mapping.flags.find(" dd "), std::string::npos) << mapping.flags;
  }
}

TEST(SecretBlock, NewMemoryIsZeroedAndAligned) {
  for (std::size_t size_bytes = 1; size_bytes < 3 * kPage; size_bytes += 97) {
    SecretBlock block = block_of(size_bytes);
    EXPECT_EQ(block.size(), size_bytes);
    EXPECT_TRUE(all_zero(block.bytes(SecretAccess::grant())));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address_of(block)) % 64, 0U);
    fill(block, 0xaa);
  }
}

TEST(SecretBlock, ReleasedMemoryIsWiped) {
  const SecretBlock neighbour = block_of(32);  // keeps the page
  SecretBlock block = block_of(32);
  fill(block, 0x5a);
  const std::uint8_t* const address = address_of(block);
  ASSERT_EQ(peek(address, 32), ByteVector(32, 0x5a));
  block.release();
  EXPECT_TRUE(block.empty());
  EXPECT_EQ(peek(address, 32), ByteVector(32, 0));
}

TEST(SecretBlock, MoveLeavesTheSourceEmptyAndWipesTheTarget) {
  SecretBlock source = block_of(32);
  fill(source, 1);
  SecretBlock target = block_of(32);
  fill(target, 2);
  const std::uint8_t* const old_target = address_of(target);
  target = std::move(source);
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): what a move leaves is the point
  EXPECT_EQ(peek(old_target, 32), ByteVector(32, 0));
  EXPECT_EQ(peek(address_of(target), 32), ByteVector(32, 1));
}

TEST(SecretBlock, LargeBlockEndsAtAGuardPage) {
  const SecretBlock block = block_of(2 * kPage);
  EXPECT_EQ(mapping_of(address_of(block) - 1).permissions, "---p");
  EXPECT_EQ(mapping_of(address_of(block) + 2 * kPage).permissions, "---p");
}

TEST(SecretPool, KeysShareAPage) {
  const std::size_t before = secret_memory_use().locked_bytes;
  std::vector<Key256> keys;
  for (int i = 0; i < 640; ++i) keys.push_back(Key256::allocate().value());
  EXPECT_LE(secret_memory_use().locked_bytes, before + 11 * kPage);
}

TEST(SecretPool, EmptyPagesAreGivenBackButOne) {
  const std::size_t before = secret_memory_use().locked_bytes;
  const std::size_t used_before = secret_memory_use().used_bytes;
  {
    std::vector<SecretBlock> blocks;
    for (int i = 0; i < 1000; ++i) blocks.push_back(block_of(1008));
    blocks.push_back(block_of(10 * kPage));
    EXPECT_GE(secret_memory_use().locked_bytes, before + 250 * kPage);
    EXPECT_GE(secret_memory_use().used_bytes, used_before + 1000 * 1008);
  }
  EXPECT_LE(secret_memory_use().locked_bytes, before + kPage);
  EXPECT_EQ(secret_memory_use().used_bytes, used_before);
}

TEST(SecretPool, BlocksOfManyThreadsNeverOverlap) {
  const auto work = [](unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<SecretBlock> held;
    for (int step = 0; step < 4000; ++step) {
      const auto mark = static_cast<std::uint8_t>(seed);
      if (held.size() > 20) {
        std::swap(held.back(), held.at(random() % held.size()));
        const ByteView bytes = std::as_const(held.back()).bytes(SecretAccess::grant());
        ASSERT_TRUE(std::ranges::all_of(bytes, [&](std::uint8_t byte) { return byte == mark; }));
        held.pop_back();
      } else {
        held.push_back(block_of(1 + random() % 6000));
        ASSERT_TRUE(all_zero(held.back().bytes(SecretAccess::grant())));
        fill(held.back(), mark);
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
}

// Blocks of the pages and of mappings of their own; what the child then makes is its own.
TEST(SecretPool, ChildFindsTheKeysOfItsParentWiped) {
  const Key256 key = Key256::generate(system_random()).value();
  SecretBlock large = block_of(10'000);
  system_random().fill(large.bytes(SecretAccess::grant()));
  EXPECT_EQ(
      in_child([&]() -> std::string {
        const ByteVector zeros(large.size());
        if (!std::ranges::equal(key.bytes(SecretAccess::grant()), ByteView(zeros).first(32))) {
          return "the key is there";
        }
        if (!std::ranges::equal(large.bytes(SecretAccess::grant()), zeros)) {
          return "the large block is there";
        }
        if (hkdf_sha256(key, {}, {}).error().code() != Code::sealed) return "used";
        const Key256 own = Key256::generate(system_random()).value();
        return hkdf_sha256(own, {}, {}) ? "wiped" : "its own keys do not work";
      }),
      "wiped");
  EXPECT_TRUE(hkdf_sha256(key, {}, {}));
}

TEST(SecretPool, ChildLocksItsPagesAgain) {
  const SecretBlock block = block_of(32);
  const std::string flags = in_child([&] { return mapping_of(address_of(block)).flags; });
  EXPECT_NE(flags.find(" lo "), std::string::npos) << flags;
}

// As an unprivileged process with little to lock. In a child only.
void limit_locked_memory(rlim_t bytes, rlim_t at_most) {
  const rlimit limit{.rlim_cur = bytes, .rlim_max = at_most};
  ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &limit), 0);
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  ASSERT_EQ(::syscall(SYS_capset, &header, none), 0);
}

TEST(SecretPool, LimitErrorNamesLimitUseAndRemedy) {
  const std::string answer = in_child([]() -> std::string {
    limit_locked_memory(256 * 1024, 256 * 1024);
    std::vector<Key256> keys;
    for (;;) {
      auto key = Key256::allocate();
      if (!key) return std::string(code_name(key.error().code())) + ": " + key.error().message();
      keys.push_back(*std::move(key));
      if (keys.size() > 100'000) return "no limit";
    }
  });
  for (const char* part : {"permission: ", "RLIMIT_MEMLOCK is 262144 bytes", "bytes hold keys",
                           "ulimit -l", "LimitMEMLOCK=", "CAP_IPC_LOCK"}) {
    EXPECT_NE(answer.find(part), std::string::npos) << part << " is not in: " << answer;
  }
}

TEST(SecretPool, LimitIsUsedToTheLastPageAndMemoryComesBack) {
  const std::string answer = in_child([]() -> std::string {
    limit_locked_memory(256 * 1024, 256 * 1024);
    std::vector<Key256> keys;
    const auto take_all = [&] {
      for (auto key = Key256::allocate(); key; key = Key256::allocate()) {
        keys.push_back(*std::move(key));
      }
      return keys.size();
    };
    const std::size_t first = take_all();
    const SecretMemoryUse use = secret_memory_use();
    if (use.limit_bytes != 256 * 1024) return "wrong limit";
    if (use.limit_bytes - use.locked_bytes >= 2 * kPage) return "limit not used";
    if (use.locked_bytes - use.used_bytes >= 2 * kPage) return "pages not used";
    keys.clear();
    return take_all() == first ? "well" : "memory lost";
  });
  EXPECT_EQ(answer, "well");
}

TEST(SecretPool, WarnsOnceNearTheLimitAndGoesOnWhereItIsRaised) {
  const std::string answer = in_child([]() -> std::string {
    limit_locked_memory(256 * 1024, 512 * 1024);
    std::vector<std::string> warnings;
    std::size_t locked_at_warning = 0;
    log::set_sink([&](log::Level, std::string_view message) {
      locked_at_warning = secret_memory_use().locked_bytes;
      warnings.emplace_back(message);
    });
    std::vector<Key256> keys;
    const auto take_all = [&] {
      for (auto key = Key256::allocate(); key; key = Key256::allocate()) {
        keys.push_back(*std::move(key));
        warn_of_secret_memory_limit();
      }
      return keys.size();
    };
    const std::size_t first = take_all();
    const rlimit raised{.rlim_cur = 512 * 1024, .rlim_max = 512 * 1024};
    if (::setrlimit(RLIMIT_MEMLOCK, &raised) != 0) return "not raised";
    if (take_all() < first * 3 / 2) return "does not go on";
    if (warnings.size() != 1) return std::to_string(warnings.size()) + " warnings";
    if (locked_at_warning < 175 * 1024 || locked_at_warning > 200 * 1024) return "not at 70 %";
    return warnings[0];
  });
  EXPECT_NE(answer.find("RLIMIT_MEMLOCK is 262144 bytes"), std::string::npos) << answer;
  EXPECT_NE(answer.find("prlimit --memlock"), std::string::npos) << answer;
}

// As the kernel tells it, apart from the pool's own question.
bool has_cap_ipc_lock() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("CapEff:")) continue;
    return (std::stoull(line.substr(7), nullptr, 16) >> CAP_IPC_LOCK & 1U) != 0;
  }
  return false;
}

TEST(SecretPool, LimitIsTheProcessesUnlessItIsPrivileged) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &limit), 0);
  const bool unlimited = has_cap_ipc_lock() || limit.rlim_cur == RLIM_INFINITY;
  EXPECT_EQ(secret_memory_use().limit_bytes, unlimited ? SIZE_MAX : limit.rlim_cur);
}

TEST(Key256, GeneratedKeysDiffer) {
  const Key256 a = Key256::generate(system_random()).value();
  const Key256 b = Key256::generate(system_random()).value();
  EXPECT_FALSE(equal_constant_time(a.bytes(SecretAccess::grant()), b.bytes(SecretAccess::grant())));
}

TEST(Key256, CloneIsEqualAndApart) {
  const Key256 key = Key256::generate(system_random()).value();
  Key256 clone = key.clone().value();
  EXPECT_TRUE(equal_constant_time(key.bytes(SecretAccess::grant()),
                                  std::as_const(clone).bytes(SecretAccess::grant())));
  clone.release();
  EXPECT_TRUE(clone.empty());
  EXPECT_FALSE(all_zero(key.bytes(SecretAccess::grant())));
}

TEST(Key256DeathTest, CopyOfAnotherLengthAborts) {
  const ByteVector short_key(31);
  EXPECT_DEATH((void)Key256::copy_of(short_key, SecretAccess::grant()), "32 bytes");
}

TEST(EqualConstantTime, ComparesLengthAndEveryByte) {
  const ByteVector bytes = {1, 2, 3, 4};
  EXPECT_TRUE(equal_constant_time(bytes, bytes));
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_FALSE(equal_constant_time(bytes, ByteView(bytes).first(3)));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ByteVector other = bytes;
    other.at(i) ^= 0x80;
    EXPECT_FALSE(equal_constant_time(bytes, other));
  }
}

TEST(Wipe, OverwritesAllBytes) {
  ByteVector bytes(100, 7);
  wipe(bytes);
  EXPECT_TRUE(all_zero(bytes));
  wipe({});
}

}  // namespace
}  // namespace keyhold::crypto
