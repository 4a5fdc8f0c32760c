#include "format/audit_record.h"

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "format/test_document.h"

namespace keyhold::format {
namespace {

const std::string kDocument = std::string(KEYHOLD_DOCS_DIR) + "/formats/audit.md";

// What stands in the block ```json NAME of the document, without its last line feed.
std::string json_block(const std::string& name) {
  std::ifstream file(kDocument);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string fence = "```json " + name + "\n";
  const std::size_t start = text.find(fence);
  if (start == std::string::npos) return "no block " + name;
  const std::size_t content = start + fence.size();
  return text.substr(content, text.find("\n```", content) - content);
}

WallTime at(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(1'772'357'400'250 + ms));
}

AuditRecord start_record() {
  AuditRecord record;
  record.seq = 1;
  record.time = at(0);
  record.event = "start";
  record.cause = "first start";
  record.store = "000102030405060708090a0b0c0d0e0f";
  return record;
}

AuditRecord probe_record() {
  AuditRecord record;
  record.seq = 2;
  record.time = at(750);
  record.prev = crypto::sha256(as_bytes(serialize_audit_record(start_record())));
  record.event = "probe";
  record.outcome = "disabled";
  record.key_uri = "local:///srv/customer-kms/orders";
  record.request_id = "404142434445464748494a4b4c4d4e4f";
  record.key_id = "11111111111111111111111111111111";
  record.kek_version = 1;
  record.purpose = "serve";
  record.message = "the key \"orders\" is disabled";
  return record;
}

crypto::Key256 checkpoint_key() {
  ByteVector kek(32);
  for (std::size_t i = 0; i < kek.size(); ++i) kek[i] = static_cast<std::uint8_t>(0x40 + i);
  ByteVector store(16);
  for (std::size_t i = 0; i < store.size(); ++i) store[i] = static_cast<std::uint8_t>(i);
  const auto key = crypto::Key256::copy_of(kek, crypto::SecretAccess::grant());
  return crypto::hkdf_sha256(key.value(), store, as_bytes("keyhold/1 audit mac")).value();
}

AuditRecord checkpoint_record() {
  AuditRecord record;
  record.seq = 3;
  record.time = at(751);
  record.prev = crypto::sha256(as_bytes(serialize_audit_record(probe_record())));
  record.event = "checkpoint";
  record.kek_version = 1;
  record.mac = crypto::hmac_sha256(checkpoint_key(), as_bytes(audit_mac_input(record)));
  return record;
}

AuditRecord full_record() {
  AuditRecord record = checkpoint_record();
  record.cause = "quote \" backslash \\ tab \t";
  record.store = "s";
  record.key_uri = "u";
  record.key_version = "7";
  record.request_id = "r";
  record.purpose = "serve";
  record.key_id = "k";
  record.message = "Gr\xc3\xb6\xc3\x9f\x65 \xf0\x9f\x94\x91";
  record.dek_generation = 0xffffffff;
  record.count = kMaxAuditSequence;
  record.seq = kMaxAuditSequence;
  return record;
}

TEST(AuditFormat, TheDocumentsExamplesAreWhatIsWritten) {
  EXPECT_EQ(serialize_audit_record(start_record()), json_block("start"));
  EXPECT_EQ(serialize_audit_record(probe_record()), json_block("probe"));
  EXPECT_EQ(serialize_audit_record(checkpoint_record()), json_block("checkpoint"));
  EXPECT_EQ(to_hex(*checkpoint_record().mac), to_hex(hex_blocks(kDocument)["checkpoint-mac"]));
}

TEST(AuditFormat, EveryRecordReadsAsItWasWritten) {
  for (const AuditRecord& record :
       {start_record(), probe_record(), checkpoint_record(), full_record()}) {
    const auto read = parse_audit_record(serialize_audit_record(record));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, record);
  }
}

TEST(AuditFormat, AnyOtherFormOfARecordIsRefused) {
  const std::string line = serialize_audit_record(probe_record());
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = line;
    const std::size_t where = other.find(from);
    EXPECT_NE(where, std::string::npos) << from;
    return other.replace(where, from.size(), to);
  };
  for (const std::string& other : {line + " ",
                                   " " + line,
                                   line + "\n",
                                   changed("\"seq\":2", "\"seq\": 2"),
                                   changed("\"seq\":2", "\"seq\":2.0"),
                                   changed("\"seq\":2", "\"seq\":2,\"seq\":2"),
                                   changed("\"seq\":2", "\"seq\":0"),
                                   changed("\"seq\":2", "\"seq\":-2"),
                                   changed("\"seq\":2", "\"seq\":9007199254740992"),
                                   changed(",\"seq\":2", ""),
                                   changed("probe", "Probe"),
                                   changed("probe", ""),
                                   changed("\"kek_version\":1", "\"kek_version\":4294967296"),
                                   changed("serve", "s\\u0065rve"),
                                   changed("{\"event", "{\"cause\":\"\",\"event"),
                                   changed("\"v\":1", "\"v\":1,\"w\":1"),
                                   changed("\"v\":1", "\"v\":0"),
                                   changed(",\"v\":1", ""),
                                   changed("01.000Z", "01.000+00:00"),
                                   changed("01.000Z", "01Z"),
                                   changed("\"prev\":\"", "\"prev\":\"00"),
                                   std::string("[]"),
                                   std::string("null"),
                                   std::string()}) {
    const auto read = parse_audit_record(other);
    ASSERT_FALSE(read) << other;
    EXPECT_EQ(read.error().code(), Code::integrity) << other;
  }
}

TEST(AuditFormat, EveryFlippedBitIsRefusedOrReadAsAnotherRecord) {
  const std::string line = serialize_audit_record(checkpoint_record());
  for (std::size_t bit = 0; bit < line.size() * 8; ++bit) {
    std::string other = line;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
    const auto read = parse_audit_record(other);
    EXPECT_TRUE(!read || *read != checkpoint_record()) << bit;
  }
}

TEST(AuditFormat, ANewerRecordIsUnsupported) {
  EXPECT_EQ(parse_audit_record(R"({"novelty":[1],"v":2})").error().code(), Code::unsupported);
}

TEST(AuditFormat, TextsFromOutsideAreMadeToFit) {
  AuditRecord record = probe_record();
  record.event = "What?";
  record.outcome = "";
  record.message = std::string("bad \xff\xc3 then cut ") + std::string(5000, 'x');
  record.cause = std::string(1023, 'x') + "\xc3\xb6";
  record.request_id = std::string(300, '\x01');
  record.count = ~0ULL;
  fit_audit_record(record);
  EXPECT_EQ(record.event, "unknown");
  EXPECT_EQ(record.outcome, "unknown");
  EXPECT_TRUE(record.message.starts_with("bad \xef\xbf\xbd\xef\xbf\xbd then cut x"));
  EXPECT_EQ(record.message.size(), 4096U);
  EXPECT_EQ(record.cause, std::string(1023, 'x'));
  EXPECT_EQ(record.request_id.size(), 256U);
  const auto read = parse_audit_record(serialize_audit_record(record));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read, record);
}

// What the limit of a line is for.
TEST(AuditFormat, TheLargestRecordIsALine) {
  AuditRecord record = full_record();
  for (std::string* text : {&record.cause, &record.store, &record.key_uri, &record.key_version,
                            &record.request_id, &record.purpose, &record.key_id, &record.message}) {
    *text = std::string(10'000, '\x01');
  }
  fit_audit_record(record);
  const std::string line = serialize_audit_record(record);
  EXPECT_LE(line.size(), kMaxAuditLineSizeBytes);
  EXPECT_GT(line.size(), kMaxAuditLineSizeBytes / 2);
  EXPECT_TRUE(parse_audit_record(line));
  EXPECT_FALSE(parse_audit_record(line + std::string(kMaxAuditLineSizeBytes, ' ')));
}

TEST(AuditFormat, TheMacCoversEveryMemberButItself) {
  const AuditRecord checkpoint = checkpoint_record();
  AuditRecord other = checkpoint;
  other.mac = crypto::Mac{};
  EXPECT_EQ(audit_mac_input(other), audit_mac_input(checkpoint));
  other.kek_version = 2;
  EXPECT_NE(audit_mac_input(other), audit_mac_input(checkpoint));
}

TEST(AuditFormat, SegmentNamesSortAsTheirNumbersDo) {
  EXPECT_EQ(audit_segment_name(1), "0000000000000001.jsonl");
  EXPECT_EQ(audit_segment_name(kMaxAuditSequence), "9007199254740991.jsonl");
  EXPECT_EQ(parse_audit_segment_name("0000000000004711.jsonl"), 4711U);
  for (const char* name :
       {"", "lock", "1.jsonl", "0000000000000000.jsonl", "000000000000001x.jsonl",
        "0000000000000001.json", "9007199254740992.jsonl", "+000000000000001.jsonl",
        "00000000000000001.jsonl"}) {
    EXPECT_EQ(parse_audit_segment_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace keyhold::format
