#include "audit/verify.h"

#include <algorithm>

#include "audit/test_log.h"

namespace keyhold::audit {
namespace {

class VerifyTest : public LogTest {
 protected:
  void write(std::uint64_t max_segment_bytes = 1500) {
    LogOptions options = patient();
    options.max_segment_bytes = max_segment_bytes;
    options.records_per_checkpoint = 8;
    const auto log = open_log(files_, clock_, options);
    EXPECT_TRUE(log->unseal(event(events::kStart), signer_of(1)));
    for (int i = 0; i < 20; ++i) log->append(probe(i, "denied"));
  }
  [[nodiscard]] std::vector<std::string> paths() {
    std::vector<std::string> all;
    const auto segments = list_segments(files_, kDirectory);
    for (const Segment& segment : *segments) {
      all.push_back(segment.path);
    }
    return all;
  }
  void edit(const std::string& path, const std::function<void(std::string&)>& change) {
    const ByteVector before = *files_.raw(path);
    std::string text(as_text(before));
    change(text);
    ASSERT_TRUE(files_.set_raw(path, ByteVector(text.begin(), text.end())));
  }
  void expect_found(const Signer& signer = {}) {
    EXPECT_FALSE(verified(files_, signer).findings.empty());
  }
};

TEST_F(VerifyTest, AWholeLogIsCountedAndItsHeadNamed) {
  write();
  const VerifyReport keyless = verified(files_);
  EXPECT_TRUE(keyless.findings.empty());
  EXPECT_FALSE(keyless.checked);
  EXPECT_EQ(keyless.records, keyless.last_seq);
  EXPECT_EQ(keyless.segments, paths().size());
  EXPECT_EQ(keyless.signed_up_to, 0U);
  const ByteVector last = *files_.raw(paths().back());
  const std::string_view text = as_text(last).substr(0, last.size() - 1);
  EXPECT_EQ(keyless.head, crypto::sha256(as_bytes(text.substr(text.rfind('\n') + 1))));
  const VerifyReport report = verified(files_, signer_of(1));
  EXPECT_TRUE(report.findings.empty());
  EXPECT_TRUE(report.checked);
  EXPECT_EQ(report.good_checkpoints, report.checkpoints.size());
  EXPECT_EQ(report.signed_up_to, report.last_seq);
}

TEST_F(VerifyTest, NoLogIsNotFound) {
  EXPECT_EQ(verify_log(files_, kDirectory).error().code(), Code::not_found);
}

// Each bit of each segment but the very last line, whose own change only a checkpoint shows.
TEST_F(VerifyTest, EveryFlippedBitIsFound) {
  write();
  for (const std::string& path : paths()) {
    const std::uint64_t bits = files_.raw(path)->size() * 8;
    for (std::uint64_t bit = 0; bit < bits; bit += 37) {
      ASSERT_TRUE(files_.flip_bit(path, bit));
      auto outcome = verify_log(files_, kDirectory);
      ASSERT_TRUE(files_.flip_bit(path, bit));
      if (!outcome) {  // the last line's "v"
        EXPECT_EQ(outcome.error().code(), Code::unsupported);
        EXPECT_EQ(path, paths().back());
        continue;
      }
      VerifyReport& report = *outcome;
      ASSERT_TRUE(check_checkpoints(report, signer_of(1)));
      // The end of the last line looks like one that a crash tore.
      EXPECT_TRUE(!report.findings.empty() || report.torn_bytes > 0) << path << " bit " << bit;
      const bool last = path == paths().back();
      EXPECT_TRUE(last || !report.findings.empty()) << path << " bit " << bit;
    }
  }
}

TEST_F(VerifyTest, AnyLineLeftOutDoubledOrMovedIsFoundOnce) {
  write(1 << 20);
  const std::string path = paths().front();
  const ByteVector before = *files_.raw(path);
  std::vector<std::string> lines;
  for_each_line(as_text(before), [&](const Line& line) {
    lines.emplace_back(line.text);
    return true;
  });
  const auto put = [&](const std::vector<std::string>& all) {
    std::string text;
    for (const std::string& line : all) text += line + "\n";
    ASSERT_TRUE(files_.set_raw(path, ByteVector(text.begin(), text.end())));
  };
  for (std::size_t i = 0; i + 2 < lines.size(); ++i) {
    std::vector<std::string> other = lines;
    other.erase(other.begin() + static_cast<std::ptrdiff_t>(i));
    put(other);
    EXPECT_EQ(verified(files_).findings.size(), 1U) << i;
    other = lines;
    other.insert(other.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
    put(other);
    EXPECT_GE(verified(files_).findings.size(), 1U) << i;
    other = lines;
    std::swap(other[i], other[i + 1]);
    put(other);
    EXPECT_GE(verified(files_).findings.size(), 1U) << i;
  }
}

TEST_F(VerifyTest, AMissingRenamedOrOversizedSegmentIsFound) {
  write();
  const auto all = paths();
  ASSERT_GE(all.size(), 4U);
  const std::string aside = "/store/aside";
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    ASSERT_TRUE(files_.rename(all[i], aside));
    expect_found();
    ASSERT_TRUE(files_.rename(aside, all[i]));
  }
  ASSERT_TRUE(files_.rename(all[1], kDirectory + "/0000000000000003.jsonl"));
  expect_found();
  ASSERT_TRUE(files_.rename(kDirectory + "/0000000000000003.jsonl", all[1]));
  EXPECT_TRUE(verified(files_).findings.empty());
  edit(all[1],
       [](std::string& text) { text += std::string(format::kMaxAuditSegmentSizeBytes, 'x'); });
  expect_found();
}

// Somebody with the disk and without the KEK makes the whole chain anew.
TEST_F(VerifyTest, ARewrittenChainIsFoundWithTheKeyOnly) {
  write(1 << 20);
  const std::string path = paths().front();
  edit(path, [](std::string& text) {
    std::string forged;
    Link link;
    for_each_line(text, [&](const Line& line) {
      Record record = format::parse_audit_record(line.text).value();
      if (record.request_id == "7") record.outcome = "ok";
      record.prev = link.prev;
      const std::string written = format::serialize_audit_record(record);
      link.skip({.text = written});
      forged += written + "\n";
      return true;
    });
    text = forged;
  });
  EXPECT_TRUE(verified(files_).findings.empty());
  const VerifyReport report = verified(files_, signer_of(1));
  EXPECT_FALSE(report.findings.empty());
  EXPECT_EQ(report.signed_up_to, 10U);
}

TEST_F(VerifyTest, ALogOfAnotherStoreIsFoundWithTheKey) {
  write();
  EXPECT_TRUE(verified(files_).findings.empty());
  expect_found(signer_of(1, 99));
}

TEST_F(VerifyTest, CheckpointsOfNoKekThatIsInForceAreFound) {
  write();
  expect_found(signer_of(2));
  expect_found([](ByteView message) { return signer_of(0)(message); });
}

TEST_F(VerifyTest, ASignerWithoutItsKeyIsAnError) {
  write();
  VerifyReport report = verified(files_);
  const Signer sealed = [](ByteView) -> Result<Signature> { return fail(Code::sealed, "sealed"); };
  EXPECT_EQ(check_checkpoints(report, sealed).error().code(), Code::sealed);
}

TEST_F(VerifyTest, ANewerRecordIsUnsupported) {
  write();
  edit(paths().back(), [](std::string& text) { text += "{\"seq\":99,\"v\":2}\n"; });
  EXPECT_EQ(verify_log(files_, kDirectory).error().code(), Code::unsupported);
}

}  // namespace
}  // namespace keyhold::audit
