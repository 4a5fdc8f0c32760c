// Several processes at one LOCAL KMS: users of a key beside its owner, and an owner who is killed.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <new>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kms/local/admin.h"
#include "kms/local/client.h"
#include "kms/local/scratch_directory.h"

namespace keyhold::kms::local {
namespace {

constexpr int kUsers = 3;
constexpr std::uint64_t kRequestsOfEach = 30;
constexpr std::chrono::seconds kPatience{60};

struct Shared {
  std::array<std::atomic<std::uint64_t>, kUsers> answered{};  // requests, by user
};

// Memory that forked processes share.
class SharedMemory {
 public:
  SharedMemory() {
    void* memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    shared_ = new (memory) Shared();
  }
  ~SharedMemory() { ::munmap(shared_, sizeof(Shared)); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  Shared& get() { return *shared_; }

 private:
  Shared* shared_;
};

pid_t start(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  return pid;
}

int exit_status_of(pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::unique_ptr<Client> client_of(const LocalKms& kms) {
  KeySpec spec;
  spec.type = KeyType::local;
  spec.uri = kms.uri("orders");
  return make_client(spec, {}, system_clock(), crypto::system_random()).value();
}

bool same_key(const crypto::Key256& a, const crypto::Key256& b) {
  const auto access = crypto::SecretAccess::grant();
  return crypto::equal_constant_time(a.bytes(access), b.bytes(access));
}

enum UserExit : int { kWasDisabled = 0, kWrongKey = 1, kOtherFault = 2 };

// Wraps and unwraps until the key is disabled; then it stays refused.
int use_key(const LocalKms& kms, std::atomic<std::uint64_t>& answered) {
  const auto client = client_of(kms);
  const auto key = crypto::Key256::generate(crypto::system_random()).value();
  const auto exit_of = [](const Error& error) {
    return error.fault() == Fault::disabled ? kWasDisabled : kOtherFault;
  };
  while (true) {
    const Deadline deadline = Deadline::after(system_clock(), kPatience);
    const auto wrapped = client->wrap(key, {}, deadline);
    if (!wrapped) return exit_of(wrapped.error());
    ++answered;
    const auto unwrapped = client->unwrap(wrapped->ciphertext, {}, deadline);
    if (!unwrapped) return exit_of(unwrapped.error());
    if (!same_key(unwrapped->key, key)) return kWrongKey;
    ++answered;
  }
}

bool all_have_asked(const Shared& shared) {
  return std::all_of(shared.answered.begin(), shared.answered.end(),
                     [](const auto& count) { return count >= kRequestsOfEach; });
}

TEST(LocalKmsProcesses, UsersBesideAnOwnerWhoRotatesAndDisables) {
  const ScratchDirectory scratch;
  auto kms = LocalKms::init(scratch / "kms").value();
  ASSERT_TRUE(kms.create_key("orders").has_value());
  SharedMemory memory;
  Shared& shared = memory.get();
  std::vector<pid_t> users;
  for (auto& answered : shared.answered) {
    users.push_back(start([&] { return use_key(kms, answered); }));
  }
  const Deadline patience = Deadline::after(system_clock(), kPatience);
  std::uint32_t version = 1;
  while (!all_have_asked(shared) && !patience.expired(system_clock()) &&
         version < kMaxKeyVersions) {
    const auto rotated = kms.rotate("orders");
    ASSERT_TRUE(rotated.has_value()) << rotated.error().message();
    EXPECT_EQ(rotated->primary_version, ++version);
  }
  ASSERT_TRUE(all_have_asked(shared));
  ASSERT_TRUE(kms.disable("orders").has_value());
  for (const pid_t user : users) EXPECT_EQ(exit_status_of(user), kWasDisabled);

  std::map<std::int64_t, std::uint64_t> answers;
  std::size_t after_disable = 0;
  bool disabled = false;
  const auto log = kms.log(1'000'000).value();
  for (const AccessLogEntry& entry : log) {
    disabled = disabled || entry.operation == "disable";
    const bool answer = entry.outcome == "ok" && entry.operation.ends_with("wrap");
    if (answer) ++answers[entry.pid];
    if (answer && disabled) ++after_disable;
  }
  EXPECT_TRUE(disabled);
  EXPECT_EQ(after_disable, 0U);
  for (std::size_t i = 0; i < users.size(); ++i) {
    EXPECT_EQ(answers[users[i]], shared.answered[i]) << "user " << i;
  }
}

// Tells each change that it made; ends only by a signal.
[[noreturn]] int change_for_ever(LocalKms& kms, int pipe) {
  while (true) {
    const bool made = kms.rotate("orders") && kms.disable("orders") && kms.enable("orders") &&
                      kms.schedule_deletion("orders", 7) && kms.cancel_deletion("orders") &&
                      kms.enable("orders");
    const char told = made ? 'y' : 'n';
    if (::write(pipe, &told, 1) != 1) ::_exit(1);
  }
}

// The owner's process, killed in the round of changes after its first: `more` later, or at that
// round's end.
void kill_owner(LocalKms& kms, std::chrono::milliseconds more) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t owner = start([&] { return change_for_ever(kms, pipe[1]); });
  ::close(pipe[1]);
  char told = 'n';
  ASSERT_EQ(::read(pipe[0], &told, 1), 1);
  EXPECT_EQ(told, 'y');
  pollfd next_round{.fd = pipe[0], .events = POLLIN, .revents = 0};
  ASSERT_GE(::poll(&next_round, 1, static_cast<int>(more.count())), 0);
  ASSERT_EQ(::kill(owner, SIGKILL), 0);
  EXPECT_EQ(exit_status_of(owner), 128 + SIGKILL);
  ::close(pipe[0]);
}

TEST(LocalKmsProcesses, OwnerWhoIsKilledLeavesAWholeKms) {
  const ScratchDirectory scratch;
  auto kms = LocalKms::init(scratch / "kms").value();
  ASSERT_TRUE(kms.create_key("orders").has_value());
  const auto client = client_of(kms);
  const auto key = crypto::Key256::generate(crypto::system_random()).value();
  const auto soon = [] { return Deadline::after(system_clock(), kPatience); };
  const ByteVector ciphertext = client->wrap(key, {}, soon()).value().ciphertext;
  std::mt19937_64 random(20260301);  // the seed: every run kills at the same places, or nearly
  std::uint32_t version = 1;
  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    kill_owner(kms, std::chrono::milliseconds(random() % 20));
    const auto keys = kms.list().value();
    ASSERT_EQ(keys.size(), 1U);
    ASSERT_EQ(keys[0].damage, "");
    EXPECT_GT(keys[0].primary_version, version);
    version = keys[0].primary_version;
    EXPECT_EQ(keys[0].version_count, version);
    if (keys[0].state == LocalKeyState::pending_deletion) {
      ASSERT_TRUE(kms.cancel_deletion("orders").has_value());
    }
    ASSERT_TRUE(kms.enable("orders").has_value());
    const auto unwrapped = client->unwrap(ciphertext, {}, soon());
    ASSERT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
    EXPECT_TRUE(same_key(unwrapped->key, key));
  }
}

}  // namespace
}  // namespace keyhold::kms::local
