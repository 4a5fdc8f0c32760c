// A log of a test's own, in memory, and the keys to sign it with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "audit/log.h"
#include "audit/read.h"
#include "audit/verify.h"
#include "base/log.h"
#include "io/memory_file_system.h"

namespace keyhold::audit {

inline const std::string kDirectory = "/store/audit";

// Under a key of its own for each KEK version; another `secret` is another store.
inline Signer signer_of(std::uint32_t kek_version, std::uint8_t secret = 1) {
  return [kek_version, secret](ByteView message) -> Result<Signature> {
    ByteVector bytes(32, secret);
    bytes[0] = static_cast<std::uint8_t>(kek_version);
    KEYHOLD_TRY_ASSIGN(const auto key,
                       crypto::Key256::copy_of(bytes, crypto::SecretAccess::grant()));
    return Signature{.mac = crypto::hmac_sha256(key, message), .kek_version = kek_version};
  };
}

inline Record event(std::string_view what, std::string_view outcome = "ok") {
  Record record;
  record.event = what;
  record.outcome = outcome;
  return record;
}

inline Record probe(int number, std::string_view outcome = "ok") {
  Record record = event(events::kProbe, outcome);
  record.request_id = std::to_string(number);
  return record;
}

// append() waits until the thread has tried, so that a test knows what is where.
inline LogOptions patient() {
  LogOptions options;
  options.patience = std::chrono::seconds(60);
  options.retry = std::chrono::milliseconds(1);
  return options;
}

inline std::unique_ptr<Log> open_log(io::FileSystem& files, const Clock& clock,
                                     const LogOptions& options = patient()) {
  auto log = Log::open(files, clock, kDirectory, options);
  EXPECT_TRUE(log) << log.error().message();
  return log ? *std::move(log) : nullptr;
}

inline std::vector<Record> records_of(io::FileSystem& files) {
  std::vector<Record> records;
  const Status read = read_log(files, kDirectory, 1, [&](const Line& line, const Record* record) {
    EXPECT_NE(record, nullptr) << line.text;
    if (record != nullptr) records.push_back(*record);
    return true;
  });
  EXPECT_TRUE(read || read.error().code() == Code::not_found) << read.error().message();
  return records;
}

// "start checkpoint probe:disabled".
inline std::string story_of(io::FileSystem& files) {
  std::string story;
  for (const Record& record : records_of(files)) {
    if (!story.empty()) story += ' ';
    story += record.event;
    if (record.outcome != "ok") story += ":" + record.outcome;
  }
  return story;
}

inline VerifyReport verified(io::FileSystem& files, const Signer& signer = {}) {
  auto report = verify_log(files, kDirectory);
  EXPECT_TRUE(report) << report.error().message();
  if (!report) return {};
  EXPECT_TRUE(!signer || check_checkpoints(*report, signer));
  return *std::move(report);
}

class LogTest : public testing::Test {
 protected:
  LogTest() : files_(clock_) {
    EXPECT_TRUE(files_.make_directory("/store", 0700));
    EXPECT_TRUE(files_.sync_directory("/"));
  }
  void expect_whole(const Signer& signer = {}) {
    const VerifyReport report = verified(files_, signer);
    for (const Finding& finding : report.findings) {
      ADD_FAILURE() << finding.segment << " line " << finding.line << ": " << finding.what;
    }
  }

  ManualClock clock_;
  io::MemoryFileSystem files_;
};

}  // namespace keyhold::audit
