// A store in memory whose keys come from a key ring on the same disk, wrapped by a fake KMS: what a
// crash does to one of them it does to both.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/system_clock.h>

#include "io/fault_file_system.h"
#include "io/memory_file_system.h"
#include "keyring/test_ring.h"
#include "rocksdb/keyhold_file_system.h"
#include "store/key_source.h"
#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {

// What a host gives its store, without socket and housekeeping.
class RingKeys final : public store::KeySource {
 public:
  explicit RingKeys(keyring::KeyRing& ring) : ring_(ring) {}

  [[nodiscard]] StoreId store_id() const override { return ring_.store_id(); }
  [[nodiscard]] Result<Generation> current_generation() override {
    return ring_.current_generation();
  }
  [[nodiscard]] Status prepare(Generation) override { return {}; }
  [[nodiscard]] Result<crypto::Key256> derive(Generation generation, ByteView salt,
                                              ByteView info) override {
    return ring_.derive(generation, salt, info);
  }
  void add_sealed_bytes(Generation generation, std::uint64_t bytes) override {
    ring_.note_sealed_bytes(generation, bytes);
  }
  [[nodiscard]] store::SealGuard& guard() override { return guard_; }

 private:
  keyring::KeyRing& ring_;
  store::SealGuard guard_;
};

// RocksDB sleeps for a second after each failed flush, and every crash makes some fail: here it
// sleeps for a millisecond.
class HastyClock final : public rocksdb::SystemClockWrapper {
 public:
  HastyClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  static const char* kClassName() { return "HastyClock"; }
  [[nodiscard]] const char* Name() const override { return kClassName(); }
  void SleepForMicroseconds(int micros) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(micros, 1000));
  }
};

class HastyEnv final : public rocksdb::EnvWrapper {
 public:
  explicit HastyEnv(std::unique_ptr<rocksdb::Env> env) : EnvWrapper(std::move(env)) {
    system_clock_ = std::make_shared<HastyClock>();
  }
  static const char* kClassName() { return "HastyEnv"; }
  [[nodiscard]] const char* Name() const override { return kClassName(); }
};

// A disk with an empty store whose key ring was just made.
inline std::unique_ptr<io::MemoryFileSystem> disk_with_ring(const keyring::World& world) {
  auto disk = keyring::empty_disk();
  static_cast<void>(keyring::must(world.create(*disk)));
  return disk;
}

// The store on `disk` as a process that starts now sees it.
struct RingStore {
  RingStore(const keyring::World& world, std::unique_ptr<io::MemoryFileSystem> given)
      : disk(std::move(given)),
        files(*disk),
        ring(keyring::must(world.open(files))),
        keys(*ring),
        volume(std::make_shared<Volume>(files, keys, crypto::system_random(), kRoot)),
        counter(std::make_shared<RecyclingCounter>(std::make_shared<KeyholdFileSystem>(volume))),
        env(std::make_unique<HastyEnv>(rocksdb::NewCompositeEnv(counter))) {}

  std::unique_ptr<io::MemoryFileSystem> disk;
  io::FaultFileSystem files;
  std::unique_ptr<keyring::KeyRing> ring;
  RingKeys keys;
  std::shared_ptr<Volume> volume;
  std::shared_ptr<RecyclingCounter> counter;
  std::unique_ptr<rocksdb::Env> env;
};

}  // namespace keyhold::rocks
