// The audit log of a real host: whose its lock is, and what of it is not the host's own.
#include <array>
#include <csignal>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/read.h"
#include "host/store_status.h"
#include "host/test_store.h"

namespace keyhold::host {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class HostAuditLog : public testing::Test {
 protected:
  HostAuditLog() { store_.make(); }

  [[nodiscard]] std::unique_ptr<io::FileLock> lock() const {
    auto taken = io::posix_file_system().lock(store_.layout.audit + "/lock");
    EXPECT_TRUE(taken) << taken.error().message();
    return taken ? *std::move(taken) : nullptr;
  }
  [[nodiscard]] std::vector<audit::Record> records() const {
    std::vector<audit::Record> all;
    EXPECT_TRUE(audit::read_log(io::posix_file_system(), store_.layout.audit, 1,
                                [&](const audit::Line& line, const audit::Record* record) {
                                  EXPECT_NE(record, nullptr) << line.text;
                                  if (record != nullptr) all.push_back(*record);
                                  return true;
                                }));
    return all;
  }
  [[nodiscard]] std::size_t count(std::string_view event) const {
    const auto all = records();
    return static_cast<std::size_t>(std::ranges::count(all, event, &audit::Record::event));
  }

  const LogCapture log_;
  TestStore store_;
};

TEST_F(HostAuditLog, AMomentaryWriterIsWaitedFor) {
  auto writer = lock();
  const std::size_t starts = count("start");
  auto opening = std::async(std::launch::async, [&] { return store_.open(); });
  EXPECT_EQ(opening.wait_for(milliseconds(200)), std::future_status::timeout);
  writer.reset();
  const auto host = opening.get();
  ASSERT_TRUE(host) << host.error().message();
  EXPECT_EQ((*host)->status().audit_problem, "");
  EXPECT_EQ(count("start"), starts + 1);
}

TEST_F(HostAuditLog, AHostThatMayNotWriteItServesAndSaysSo) {
  const auto writer = lock();
  const auto host = store_.open();
  ASSERT_TRUE(host) << host.error().message();
  EXPECT_THAT((*host)->status().audit_problem, HasSubstr("another process writes"));
  EXPECT_THAT(log_.text(), HasSubstr("ALERT audit_broken"));
  EXPECT_TRUE((*host)->rotate_dek());
}

// A host that starts while somebody asks for the store's status goes unaudited for its whole life.
TEST_F(HostAuditLog, StatusLeavesItAloneWhileTheKmsIsAsked) {
  int asked = 0;
  const ClientFactory clients = [&](const kms::KeySpec& spec, const kms::Caller&) {
    const auto free = io::posix_file_system().lock(store_.layout.audit + "/lock");
    EXPECT_TRUE(free) << free.error().message();
    ++asked;
    return store_.kms.make_client(spec);
  };
  const auto status =
      describe_store(store_.machine(), store_.path, {.ask_kms = true, .clients = clients});
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(count("describe"), 1U);
  EXPECT_GE(count("probe"), 1U);
}

// A fork without exec copies the lock's descriptor.
TEST_F(HostAuditLog, AForkedChildDoesNotKeepItsLock) {
  auto host = store_.open();
  ASSERT_TRUE(host) << host.error().message();
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  host->reset();
  const auto next = store_.open();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ((*next)->status().audit_problem, "");
}

TEST_F(HostAuditLog, OneThatWasRemovedIsMissed) {
  { ASSERT_TRUE(store_.open()); }
  EXPECT_EQ(count("log_unanchored"), 0U);
  const std::string segment = store_.layout.audit + "/0000000000000001.jsonl";
  ASSERT_TRUE(io::posix_file_system().remove(segment));
  { ASSERT_TRUE(store_.open()); }
  const auto all = records();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front().event, "log_unanchored");
  EXPECT_THAT(all.front().message, HasSubstr("removed"));
}

}  // namespace
}  // namespace keyhold::host
