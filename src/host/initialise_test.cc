#include "host/initialise.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "host/test_store.h"
#include "io/fault_file_system.h"
#include "io/memory_file_system.h"

namespace keyhold::host {
namespace {

using testing::HasSubstr;

unsigned mode_of(const std::string& path) {
  struct stat raw {};
  EXPECT_EQ(::stat(path.c_str(), &raw), 0) << path;
  return raw.st_mode & 07777U;
}

TEST(InitialiseStore, MakesAPrivateStore) {
  TestStore store;
  store.make();
  EXPECT_EQ(mode_of(store.layout.root), 0700U);
  EXPECT_EQ(mode_of(store.layout.directory), 0700U);
  EXPECT_EQ(mode_of(store.layout.config), 0600U);
  EXPECT_EQ(mode_of(store.layout.lock), 0600U);
  EXPECT_EQ(mode_of(store.layout.directory + "/keyring.a"), 0600U);
}

TEST(InitialiseStore, TakesAnEmptyDirectory) {
  TestStore store;
  ASSERT_TRUE(io::posix_file_system().make_directory(store.path, 0755));
  store.make();
  EXPECT_TRUE(store.open());
}

// I9: plaintext is never silently taken in.
TEST(InitialiseStore, RefusesADirectoryWithForeignFilesAndTouchesNothing) {
  TestStore store;
  auto& files = io::posix_file_system();
  ASSERT_TRUE(files.make_directory(store.path, 0755));
  ASSERT_TRUE(io::replace_file(files, store.path + "/000001.sst", as_bytes("plain")));
  const auto made = initialise_store(store.machine(), store.path, store.plan(), store.clients());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::already_exists);
  EXPECT_THAT(made.error().message(), HasSubstr("000001.sst"));
  EXPECT_EQ(files.list(store.path)->size(), 1U);
}

TEST(InitialiseStore, RefusesAStoreThatIsThere) {
  TestStore store;
  store.make();
  const auto before = io::read_file(io::posix_file_system(), store.layout.config, 8192);
  const auto again = initialise_store(store.machine(), store.path, store.plan(), store.clients());
  EXPECT_EQ(again.error().code(), Code::already_exists);
  EXPECT_EQ(*io::read_file(io::posix_file_system(), store.layout.config, 8192), *before);
  EXPECT_TRUE(store.open());
}

TEST(InitialiseStore, ADenialOrOutageLeavesNothingInTheWay) {
  TestStore store;
  const auto attempt = [&] {
    return initialise_store(store.machine(), store.path, store.plan(), store.clients());
  };
  store.kms.disable("cmek");
  EXPECT_EQ(attempt().error().code(), Code::denied);
  EXPECT_EQ(store.open().error().code(), Code::not_found);
  store.kms.enable("cmek");
  store.kms.script(kms::Operation::wrap, {kms::ScriptedOutcome::failing(kms::Fault::unavailable)});
  EXPECT_EQ(attempt().error().code(), Code::unavailable);
  EXPECT_TRUE(attempt());
  EXPECT_TRUE(store.open());
}

TEST(InitialiseStore, AnInvalidKeySpecMakesNoFolder) {
  TestStore store;
  StorePlan plan = store.plan();
  plan.key.uri = KeyUri("nonsense");
  EXPECT_EQ(initialise_store(store.machine(), store.path, plan, store.clients()).error().code(),
            Code::invalid_argument);
  EXPECT_EQ(io::exists(io::posix_file_system(), store.path), false);
}

// I7 for the making of a store: a crash after any change to the disk, power loss included.
TEST(InitialiseStore, WhateverStepItIsInterruptedAtTheNextCallMakesTheStore) {
  const LogCapture log;
  MovableClock clock;
  TestStore store(clock);
  store.anchor = "/anchor";
  HostOptions options = store.options();
  options.start_socket = false;
  std::uint64_t step = 1;
  for (bool fired = true; fired; ++step) {
    io::MemoryFileSystem disk(clock);
    io::FaultFileSystem faulty(disk);
    faulty.set_fault({.at = step, .lasts = io::Fault::Lasts::stop_world});
    Environment machine{.files = faulty, .clock = clock, .random = crypto::system_random()};
    (void)initialise_store(machine, "/store", store.plan(), store.clients());
    fired = faulty.fired();

    const auto after = disk.crash(io::CrashPolicy::power_loss, step);
    Environment next{.files = *after, .clock = clock, .random = crypto::system_random()};
    const auto again = initialise_store(next, "/store", store.plan(), store.clients());
    const bool was_whole = !again && again.error().code() == Code::already_exists;
    ASSERT_TRUE(again || was_whole) << "step " << step << ": " << again.error().message();
    const auto host = Host::open(next, "/store", options);
    ASSERT_TRUE(host) << "step " << step << ": " << host.error().message();
  }
  EXPECT_GT(step, 20U);
}

TEST(InitialiseStore, AHalfMadeStoreIsNotOpened) {
  TestStore store;
  store.make();
  ASSERT_TRUE(io::replace_file(io::posix_file_system(), store.layout.being_made, as_bytes("half")));
  const auto host = store.open();
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().code(), Code::not_found);
  EXPECT_THAT(host.error().message(), HasSubstr("store init"));
}

TEST(InitialiseStore, AnAnchorOnTheStoresOwnDiskIsWarnedOf) {
  const LogCapture log;
  TestStore store;
  store.anchor = store.scratch / "anchor";
  store.make();
  EXPECT_THAT(log.text(), HasSubstr("lies on the store's own file system"));
}

}  // namespace
}  // namespace keyhold::host
