#include "kms/local/messages/log_entry.h"

#include <chrono>

#include <gtest/gtest.h>

namespace keyhold::kms::local {
namespace {

AccessLogEntry sample() {
  AccessLogEntry entry;
  entry.time = WallTime(std::chrono::milliseconds(1'772'357'400'250));
  entry.request_id = "00ff";
  entry.operation = "unwrap";
  entry.key = "orders";
  entry.version = 3;
  entry.outcome = "ok";
  entry.context = {{"cluster", "a\"\n\xc3\xb6"}, {"org", "acme"}};
  entry.pid = 4711;
  return entry;
}

TEST(LogEntry, LineIsByteExact) {
  EXPECT_EQ(serialize_log_entry(sample()),
            R"({"time":"2026-03-01T09:30:00.250Z","request_id":"00ff","operation":"unwrap",)"
            R"("key":"orders","version":3,"outcome":"ok",)"
            "\"context\":{\"cluster\":\"a\\\"\\n\xc3\xb6\",\"org\":\"acme\"},\"pid\":4711}\n");
}

TEST(LogEntry, ParsesBack) {
  EXPECT_EQ(parse_log_entry(serialize_log_entry(sample())).value(), sample());
  AccessLogEntry bare = sample();
  bare.version.reset();
  bare.context.clear();
  EXPECT_EQ(parse_log_entry(serialize_log_entry(bare)).value(), bare);
}

TEST(LogEntry, MembersOfALaterVersionArePassedOver) {
  std::string line = serialize_log_entry(sample());
  line.insert(1, R"("later":[1,2],)");
  EXPECT_EQ(parse_log_entry(line).value(), sample());
}

TEST(LogEntry, EveryCutLineIsRefused) {
  const std::string line = serialize_log_entry(sample());
  for (std::size_t size = 0; size + 1 < line.size(); ++size) {
    EXPECT_FALSE(parse_log_entry(std::string_view(line).substr(0, size)).has_value()) << size;
  }
}

TEST(LogEntry, MemberOfAnotherKindIsRefused) {
  const std::pair<std::string_view, std::string_view> kReplacements[] = {
      {"\"00ff\"", "1"},
      {"\"unwrap\"", "null"},
      {"\"version\":3", "\"version\":-3"},
      {"\"version\":3", "\"version\":4294967296"},
      {"\"version\":3", "\"version\":\"3\""},
      {"\"acme\"", "1"},
      {"4711", "1.5"},
      {"4711", "18446744073709551615"},
      {"\"pid\":4711", "\"p\":4711"},
      {"2026-03-01T", "2026-03-01 "},
  };
  for (const auto& [from, to] : kReplacements) {
    std::string line = serialize_log_entry(sample());
    line.replace(line.find(from), from.size(), to);
    const auto entry = parse_log_entry(line);
    ASSERT_FALSE(entry.has_value()) << line;
    EXPECT_EQ(entry.error().code(), Code::integrity);
  }
}

}  // namespace
}  // namespace keyhold::kms::local
