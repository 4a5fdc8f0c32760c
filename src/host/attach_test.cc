#include "host/attach.h"

#include <csignal>
#include <cstdlib>
#include <functional>
#include <future>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/store_lock.h"
#include "host/test_store.h"
#include "host/unique_fd.h"

namespace keyhold::host {
namespace {

using testing::HasSubstr;

Result<std::unique_ptr<StoreKeys>> attach_to(const TestStore& store, bool only_as_client = false) {
  return attach(store.machine(), store.path,
                {.host = store.options(),
                 .host_wait = std::chrono::seconds(10),
                 .only_as_client = only_as_client});
}

// A process that runs `work` and then stays until it is killed.
class Process {
 public:
  explicit Process(const std::function<bool()>& work) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    const UniqueFd from(pipe[0]);
    const UniqueFd to(pipe[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      const char outcome = work() ? 'y' : 'n';
      (void)!::write(to.get(), &outcome, 1);
      for (;;) ::pause();
    }
    char outcome = 'n';
    EXPECT_EQ(::read(from.get(), &outcome, 1), 1);
    EXPECT_EQ(outcome, 'y');
  }
  ~Process() { kill(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

TEST(Attach, TheFirstIsTheHostTheNextItsClient) {
  TestStore store;
  store.make();
  const auto first = attach_to(store);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ((*first)->role(), Role::host);
  const auto second = attach_to(store);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ((*second)->role(), Role::client);
  EXPECT_EQ(derived(**second, Generation{1}), derived(**first, Generation{1}));
}

TEST(Attach, OnlyAsAClientNeverBecomesTheHost) {
  TestStore store;
  store.make();
  EXPECT_EQ(attach_to(store, true).error().code(), Code::not_found);
  const auto host = attach_to(store);
  ASSERT_TRUE(host);
  EXPECT_TRUE(attach_to(store, true));
}

TEST(Attach, WithoutAStoreIsNotFound) {
  TestStore store;
  EXPECT_EQ(attach_to(store).error().code(), Code::not_found);
}

TEST(Attach, ClientOfAnotherProcessGetsTheSameKeysAndAfterItsDeathIsTheHost) {
  TestStore store;
  store.make();
  std::unique_ptr<StoreKeys> kept;
  Process process([&] {
    kept = attach_to(store).value();
    return kept->role() == Role::host;
  });
  const auto client = attach_to(store);
  ASSERT_TRUE(client) << client.error().message();
  EXPECT_EQ((*client)->role(), Role::client);
  const ByteVector key = derived(**client, Generation{1});
  process.kill();
  EXPECT_EQ(io::exists(io::posix_file_system(), store.layout.socket), true);
  const auto host = attach_to(store);
  ASSERT_TRUE(host) << host.error().message();
  EXPECT_EQ((*host)->role(), Role::host);
  EXPECT_EQ(derived(**host, Generation{1}), key);
}

// In a process of its own, whose exit status says what it met: the choice of a back end is made
// once a process. The KMS would be waited for for ever.
int outcome_with(const char* name, const char* value, const char* test) {
  const std::string filter = std::string("--gtest_filter=") + test;
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv(name, value, 1);
    ::execl("/proc/self/exe", "host_test", filter.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Attach, AnAeadThatThereIsNotIsToldAtOnceAndTakenForNoOutage) {
  const char* const setting = std::getenv("KEYHOLD_AEAD");
  if (setting == nullptr || std::string_view(setting) != "bogus") {
    EXPECT_EQ(outcome_with("KEYHOLD_AEAD", "bogus",
                           "Attach.AnAeadThatThereIsNotIsToldAtOnceAndTakenForNoOutage"),
              0);
    return;
  }
  const TestStore store;
  AttachOptions options{.host = store.options()};
  options.host.retry.wait = kForever;
  const Error refused = attach(store.machine(), store.path, options).error();
  EXPECT_EQ(refused.code(), Code::invalid_argument);
  EXPECT_THAT(refused.message(), HasSubstr("KEYHOLD_AEAD=bogus"));
  EXPECT_THAT(refused.message(), HasSubstr("openssl or ipsec-mb"));
  const auto made = initialise_store(store.machine(), store.path, store.plan(), store.clients());
  EXPECT_EQ(made.error().code(), Code::invalid_argument);
  EXPECT_EQ(io::exists(io::posix_file_system(), store.path), false);
}

TEST(Attach, ManyAtOnceMakeOneHost) {
  TestStore store;
  store.make();
  constexpr int kAtOnce = 8;
  std::vector<std::optional<Result<std::unique_ptr<StoreKeys>>>> all(kAtOnce);
  std::vector<std::thread> threads;
  for (auto& slot : all) threads.emplace_back([&slot, &store] { slot = attach_to(store); });
  for (auto& thread : threads) thread.join();
  int hosts = 0;
  for (const auto& keys : all) {
    ASSERT_TRUE(*keys) << keys->error().message();
    if ((**keys)->role() == Role::host) ++hosts;
  }
  EXPECT_EQ(hosts, 1);
}

TEST(Attach, ALockWithoutASocketIsWaitedForThenNamed) {
  TestStore store;
  store.make();
  const auto lock = StoreLock::take(io::posix_file_system(), store.layout, "somebody");
  ASSERT_TRUE(lock);
  const auto keys = attach(store.machine(), store.path,
                           {.host = store.options(), .host_wait = std::chrono::milliseconds(50)});
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code(), Code::busy);
  EXPECT_THAT(keys.error().message(), HasSubstr("(somebody)"));
}

TEST(Attach, ALockThatIsGivenBackMeanwhileMakesTheHost) {
  TestStore store;
  store.make();
  auto lock = StoreLock::take(io::posix_file_system(), store.layout, "somebody");
  ASSERT_TRUE(lock);
  auto attaching = std::async(std::launch::async, [&] { return attach_to(store); });
  lock->reset();
  const auto keys = attaching.get();
  ASSERT_TRUE(keys) << keys.error().message();
  EXPECT_EQ((*keys)->role(), Role::host);
}

// Whose standard streams are closed: what it then prints must go nowhere, not to a client.
TEST(Attach, NoSocketEverStandsInForAClosedStandardStream) {
  TestStore store;
  store.make();
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int stream : {0, 1, 2}) ::close(stream);
    const auto host = attach_to(store);
    const auto client = attach_to(store, true);
    bool good = host && client;
    for (const int stream : {0, 1, 2}) good = good && ::fcntl(stream, F_GETFD) == -1;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// A fork without exec copies the lock's descriptor; it must not outlive the host.
TEST(Fork, AChildDoesNotKeepTheStoreOfItsDeadParentLocked) {
  TestStore store;
  store.make();
  std::array<int, 2> pids{};
  ASSERT_EQ(::pipe(pids.data()), 0);
  std::unique_ptr<StoreKeys> kept;
  Process parent([&] {
    kept = attach_to(store).value();
    const pid_t child = ::fork();
    if (child == 0) {
      for (;;) ::pause();
    }
    return ::write(pids[1], &child, sizeof child) == sizeof child;
  });
  pid_t child = 0;
  ASSERT_EQ(::read(pids[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  parent.kill();
  ASSERT_EQ(::kill(child, 0), 0);
  const auto host = attach_to(store);
  ::kill(child, SIGKILL);
  ASSERT_TRUE(host) << host.error().message();
  EXPECT_EQ((*host)->role(), Role::host);
}

TEST(Fork, AChildHasNoRightToTheKeysAndDoesNoHarmToItsParents) {
  TestStore store;
  store.make();
  auto host = store.open();
  ASSERT_TRUE(host);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused = (*host)->derive(Generation{1}, {}, {}).error().code() == Code::sealed &&
                         (*host)->rotate_dek().error().code() == Code::sealed &&
                         (*host)->rewrap().error().code() == Code::sealed;
    host->reset();
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE((*host)->rotate_dek());
  EXPECT_EQ(store.open().error().code(), Code::busy);
  EXPECT_TRUE(attach_to(store, true));
}

TEST(Fork, AChildOfAClientHasNoRightToTheKeysEither) {
  TestStore store;
  store.make();
  const auto host = store.open();
  auto client = attach_to(store, true);
  ASSERT_TRUE(host && client);
  const ByteVector key = derived(**client, Generation{1});
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused = (*client)->derive(Generation{1}, {}, {}).error().code() == Code::sealed &&
                         (*client)->prepare(Generation{7}).error().code() == Code::sealed &&
                         (*client)->current_generation().error().code() == Code::sealed &&
                         (*client)->rotate_dek().error().code() == Code::sealed;
    client->reset();
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(derived(**client, Generation{1}), key);
}

}  // namespace
}  // namespace keyhold::host
