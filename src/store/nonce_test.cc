// Invariant I2 for append-mode files: an oracle that sees every seal of every key finds no (key,
// nonce) pair twice.
#include <map>
#include <mutex>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "crypto/instance.h"
#include "format/header.h"
#include "io/fault_file_system.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

// Remembers every pair. The key is kept in clear behind the real back end's state: this is a test's
// process.
class NonceOracle {
 public:
  static NonceOracle& instance() {
    static NonceOracle oracle;
    return oracle;
  }

  void start() {
    const std::lock_guard lock(mutex_);
    seen_.clear();
    repeated_ = 0;
  }

  void note(ByteView key, const crypto::Nonce& nonce) {
    const std::lock_guard lock(mutex_);
    if (!seen_.insert(to_hex(key) + to_hex(nonce)).second) ++repeated_;
  }

  std::size_t seals() {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }
  std::size_t repeated() {
    const std::lock_guard lock(mutex_);
    return repeated_;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> seen_;
  std::size_t repeated_ = 0;
};

const crypto::AeadBackend& real() {
  return crypto::openssl_backend();
}
std::size_t key_offset() {
  return real().state_size_bytes;
}

const crypto::AeadBackend& recording_backend() {
  static const crypto::AeadBackend backend{
      .name = "recording",
      .state_size_bytes = real().state_size_bytes + 32,
      .expand =
          [](ByteView key, MutableByteView state) {
            copy_bytes(key, state.subspan(key_offset()));
            return real().expand(key, state.first(key_offset()));
          },
      .seal =
          [](ByteView state, const crypto::Nonce& nonce, ByteView aad, ByteView plaintext,
             MutableByteView ciphertext, MutableByteView tag) {
            NonceOracle::instance().note(state.subspan(key_offset(), 32), nonce);
            real().seal(state.first(key_offset()), nonce, aad, plaintext, ciphertext, tag);
          },
      .open =
          [](ByteView state, const crypto::Nonce& nonce, ByteView aad, ByteView ciphertext,
             ByteView tag, MutableByteView plaintext) {
            return real().open(state.first(key_offset()), nonce, aad, ciphertext, tag, plaintext);
          },
      .destroy = [](MutableByteView state) { real().destroy(state.first(key_offset())); },
  };
  return backend;
}

class Nonces : public StoreTest {
 protected:
  Nonces() : before_(crypto::set_aead_backend(recording_backend())) {
    NonceOracle::instance().start();
  }
  ~Nonces() override {
    crypto::set_aead_backend(before_);
    EXPECT_GT(NonceOracle::instance().seals(), 0U);
    EXPECT_EQ(NonceOracle::instance().repeated(), 0U);
  }

  const crypto::AeadBackend& before_;
};

TEST_F(Nonces, TheOracleSeesARepetition) {
  const auto key = crypto::AeadKey::expand(*crypto::Key256::generate(crypto::system_random()));
  ByteVector out(4);
  ByteVector tag(16);
  key->seal({}, {}, test_bytes(4), out, tag);
  key->seal({}, {}, test_bytes(4), out, tag);
  EXPECT_EQ(NonceOracle::instance().repeated(), 1U);
  NonceOracle::instance().start();
  key->seal({}, {}, test_bytes(4), out, tag);
}

TEST_F(Nonces, WriteReopenRecycle) {
  for (int round = 0; round < 5; ++round) {
    write_file("/store/t", Layout::table, test_bytes(30000));
    write_file("/store/l", Layout::log, test_bytes(30000));
    const auto more = *store_->reopen("/store/l");
    ASSERT_TRUE(more->append(test_bytes(5000)));
    ASSERT_TRUE(more->close());
    const auto recycled = *store_->recycle("/store/l", "/store/l2");
    ASSERT_TRUE(recycled->append(test_bytes(5000)));
    ASSERT_TRUE(recycled->sync(true));
  }
}

TEST_F(Nonces, CrashAndReopen) {
  write_file("/store/l", Layout::log, test_bytes(100));
  ASSERT_TRUE(disk_->sync_directory("/store"));
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    {
      const auto file = *store_->reopen("/store/l");
      for (std::uint32_t i = 0; i < 5; ++i) ASSERT_TRUE(file->append(test_bytes(600, i)));
    }
    store_.reset();
    disk_ = disk_->crash(io::CrashPolicy::power_loss, seed);
    mount();
  }
}

// Nothing acknowledged can be cut: an engine that asks for it is refused, goes on at the same end,
// and what it writes instead of what it wanted gone meets no nonce again.
TEST_F(Nonces, TruncateAndGoOn) {
  for (const Layout layout : {Layout::log, Layout::table}) {
    const auto file = *store_->create("/store/f", layout);
    for (std::uint32_t i = 0; i < 4; ++i) {
      const std::uint64_t size = file->size();
      ASSERT_TRUE(file->append(test_bytes(5000, 2 * i)));
      EXPECT_EQ(file->truncate(size).error().code(), Code::unsupported);
      ASSERT_TRUE(file->truncate(file->size()));
      ASSERT_TRUE(file->append(test_bytes(5000, 2 * i + 1)));
    }
    ASSERT_TRUE(file->sync(true));
    ASSERT_TRUE(file->close());
    EXPECT_EQ(read_back("/store/f")->size(), 40000U);
  }
}

// An open cuts a torn tail off and writes over it: the same place and frame numbers, other bytes.
TEST_F(Nonces, TornTailCutAtOpenAndWrittenOver) {
  write_file("/store/l", Layout::log, test_bytes(100));
  for (std::uint32_t i = 0; i < 20; ++i) {
    ByteVector torn;
    {
      const auto file = *store_->reopen("/store/l");
      ASSERT_TRUE(file->append(test_bytes(600, i)));
      torn = *disk_->raw("/store/l");  // as a writer leaves it that never closed
    }
    torn.resize(torn.size() - 1 - std::size_t{i} * 36);  // into the data or the session frame
    ASSERT_TRUE(disk_->set_raw("/store/l", torn));
    ASSERT_EQ(read_back("/store/l")->size(), 100U);
  }
}

// The disk goes back to an older state, the process does not: as after the restore of a snapshot
// below a store that is opened again.
TEST_F(Nonces, OlderDiskStateReopened) {
  write_file("/store/l", Layout::log, test_bytes(100));
  const ByteVector older = *disk_->raw("/store/l");
  for (std::uint32_t round = 0; round < 10; ++round) {
    ASSERT_TRUE(disk_->set_raw("/store/l", older));
    const auto file = *store_->reopen("/store/l");
    ASSERT_TRUE(file->append(test_bytes(3000, round)));
    ASSERT_TRUE(file->close());
  }
}

TEST_F(Nonces, FailedWritesTriedAgainWithOtherBytes) {
  for (std::uint64_t n = 1; n < 40; ++n) {
    io::FaultFileSystem faulty(*disk_);
    Store store(faulty, keys_, crypto::system_random(), "/store");
    faulty.set_fault({.at = n, .path_part = "/store/", .effect = io::Fault::Effect::prefix});
    for (const Layout layout : {Layout::log, Layout::table}) {
      const auto file = store.create("/store/f", layout);
      if (!file) continue;
      for (std::uint32_t i = 0; i < 6; ++i) static_cast<void>((*file)->append(test_bytes(5000, i)));
      static_cast<void>((*file)->sync(true));
      static_cast<void>((*file)->append(test_bytes(5000, 9)));
      static_cast<void>((*file)->close());
    }
  }
}

TEST_F(Nonces, TheMachineIsClonedInMidFile) {
  for (const Layout layout : {Layout::log, Layout::table}) {
    const auto file = *store_->create("/store/f", layout);
    ASSERT_TRUE(file->append(test_bytes(10000, 1)));
    crypto::notify_cloned();
    ASSERT_TRUE(file->append(test_bytes(10000, 2)));
    crypto::notify_cloned();
    ASSERT_TRUE(file->append(test_bytes(10000, 3)));
    ASSERT_TRUE(file->sync(true));
    ASSERT_TRUE(file->close());
    ByteVector content;
    for (std::uint32_t i = 1; i <= 3; ++i) {
      const ByteVector piece = test_bytes(10000, i);
      content.insert(content.end(), piece.begin(), piece.end());
    }
    EXPECT_EQ(*read_back("/store/f"), content);
    EXPECT_TRUE(verify("/store/f").findings.empty());
  }
}

TEST_F(Nonces, ATableClonedTooOftenFailsForGood) {
  const auto file = *store_->create("/store/f", Layout::table);
  for (std::size_t i = 0; i < format::kMaxSubkeySwitches; ++i) {
    crypto::notify_cloned();
    ASSERT_TRUE(file->append(test_bytes(5000)));
  }
  crypto::notify_cloned();
  EXPECT_EQ(file->append(test_bytes(5000)).error().code(), Code::unsupported);
  EXPECT_FALSE(file->sync(true));
}

// A child that goes on with its parent's handles is refused before anything is sealed or written;
// its parent goes on.
TEST_F(Nonces, AForkedChildSealsNothing) {
  for (const Layout layout : {Layout::log, Layout::table}) {
    const auto file = *store_->create("/store/f", layout);
    ASSERT_TRUE(file->append(test_bytes(10000, 1)));
    const ByteVector before = *disk_->raw("/store/f");
    const std::size_t seals = NonceOracle::instance().seals();
    const auto refused = [](const auto& result) {
      return !result && result.error().code() == Code::sealed;
    };
    const pid_t child = fork();
    if (child == 0) {
      const bool all_refused = refused(file->append(test_bytes(20000, 3))) &&
                               refused(file->sync(true)) && refused(store_->reopen("/store/f")) &&
                               refused(store_->create("/store/g", layout));
      static_cast<void>(file->close());
      const bool untouched = *disk_->raw("/store/f") == before;
      _exit(all_refused && untouched && NonceOracle::instance().seals() == seals ? 0 : 1);
    }
    ASSERT_GT(child, 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << static_cast<int>(layout);
    ASSERT_TRUE(file->append(test_bytes(20000, 3)));
    ASSERT_TRUE(file->close());
    EXPECT_EQ(read_back("/store/f")->size(), 30000U);
  }
}

}  // namespace
}  // namespace keyhold::store
