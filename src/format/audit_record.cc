#include "format/audit_record.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/timestamp.h"

namespace keyhold::format {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxWordSizeBytes = 32;
constexpr std::string_view kSegmentSuffix = ".jsonl";
constexpr std::size_t kSegmentDigits = 16;

struct TextField {
  std::string_view name;
  std::string AuditRecord::*member;
  std::size_t limit_bytes;
};

constexpr std::array kTexts = {
    TextField{"cause", &AuditRecord::cause, 1024},
    TextField{"key_id", &AuditRecord::key_id, 64},
    TextField{"key_uri", &AuditRecord::key_uri, 2048},
    TextField{"key_version", &AuditRecord::key_version, 512},
    TextField{"message", &AuditRecord::message, 4096},
    TextField{"purpose", &AuditRecord::purpose, 64},
    TextField{"request_id", &AuditRecord::request_id, 256},
    TextField{"store", &AuditRecord::store, 64},
};

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kMaxWordSizeBytes &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

// The largest piece of `text` from its front that is whole UTF-8 of at most `limit` bytes.
std::string_view whole_characters(std::string_view text, std::size_t limit) {
  text = text.substr(0, limit);
  for (int cut = 0; cut < 4 && !is_utf8(text); ++cut) text.remove_suffix(1);
  return text;
}

// Members in their order: RFC 8785 sorts by name.
class Object {
 public:
  void text(std::string_view name, std::string_view value) {
    begin(name);
    append_json_string(out_, value);
  }
  void text_unless_empty(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void number(std::string_view name, std::uint64_t value) {
    begin(name);
    out_ += std::to_string(value);
  }
  void number_unless_zero(std::string_view name, std::uint64_t value) {
    if (value != 0) number(name, value);
  }
  std::string finish() && { return std::move(out_) + "}"; }

 private:
  void begin(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_json_string(out_, name);
    out_ += ':';
  }
  std::string out_ = "{";
};

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(Code::integrity, "not an audit record: " + what);
}

Result<std::string> text_of(const Json& value, const char* name) {
  if (!value.is_string()) return damaged(std::string(name) + " is no text");
  return value.get<std::string>();
}

Result<std::uint64_t> number_of(const Json& value, const char* name, std::uint64_t largest) {
  if (!value.is_number_unsigned()) return damaged(std::string(name) + " is no number");
  const auto number = value.get<std::uint64_t>();
  if (number > largest) return damaged(std::string(name) + " is too large");
  return number;
}

Result<crypto::Mac> hash_of(const Json& value, const char* name) {
  KEYHOLD_TRY_ASSIGN(const std::string text, text_of(value, name));
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != crypto::kMacSizeBytes) {
    return damaged(std::string(name) + " is no hash");
  }
  crypto::Mac hash{};
  copy_bytes(*bytes, hash);
  return hash;
}

Result<std::string> word_of(const Json& value, const char* name) {
  KEYHOLD_TRY_ASSIGN(std::string word, text_of(value, name));
  if (!is_word(word)) return damaged(std::string(name) + " is no word");
  return word;
}

Status take_number(AuditRecord& record, const std::string& name, const Json& value) {
  constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
  const bool wide = name == "seq" || name == "count";
  KEYHOLD_TRY_ASSIGN(const std::uint64_t number,
                     number_of(value, name.c_str(), wide ? kMaxAuditSequence : kMax32));
  if (name == "seq") {
    record.seq = number;
  } else if (name == "count") {
    record.count = number;
  } else if (name == "dek_generation") {
    record.dek_generation = static_cast<std::uint32_t>(number);
  } else {
    record.kek_version = static_cast<std::uint32_t>(number);
  }
  return {};
}

Status take_text(AuditRecord& record, const std::string& name, const Json& value) {
  const auto field = std::ranges::find(kTexts, name, &TextField::name);
  if (field == kTexts.end()) return damaged("unknown member");
  KEYHOLD_TRY_ASSIGN(record.*(field->member), text_of(value, name.c_str()));
  if ((record.*(field->member)).size() > field->limit_bytes) return damaged(name + " is too long");
  return {};
}

Status take(AuditRecord& record, const std::string& name, const Json& value) {
  if (name == "v") return {};
  if (name == "seq" || name == "count" || name == "dek_generation" || name == "kek_version") {
    return take_number(record, name, value);
  }
  if (name == "prev") {
    KEYHOLD_TRY_ASSIGN(record.prev, hash_of(value, "prev"));
  } else if (name == "mac") {
    KEYHOLD_TRY_ASSIGN(record.mac, hash_of(value, "mac"));
  } else if (name == "event") {
    KEYHOLD_TRY_ASSIGN(record.event, word_of(value, "event"));
  } else if (name == "outcome") {
    KEYHOLD_TRY_ASSIGN(record.outcome, word_of(value, "outcome"));
  } else if (name == "time") {
    KEYHOLD_TRY_ASSIGN(const std::string text, text_of(value, "time"));
    const auto time = parse_timestamp(text);
    if (!time) return damaged("time is no time");
    record.time = *time;
  } else {
    return take_text(record, name, value);
  }
  return {};
}

Status check_version(const Json& line) {
  const auto version = line.find("v");
  if (version == line.end() || !version->is_number_unsigned()) return damaged("v is missing");
  const auto number = version->get<std::uint64_t>();
  if (number > kAuditVersion) {
    return fail(Code::unsupported,
                "audit record of format " + std::to_string(number) + ": made by a newer Keyhold");
  }
  if (number != kAuditVersion) return damaged("unknown format version");
  return {};
}

}  // namespace

void fit_audit_record(AuditRecord& record) {
  for (const TextField& field : kTexts) {
    std::string& text = record.*(field.member);
    text = whole_characters(make_utf8(text), field.limit_bytes);
  }
  for (std::string* word : {&record.event, &record.outcome}) {
    if (!is_word(*word)) *word = "unknown";
  }
  record.count = std::min(record.count, kMaxAuditSequence);
}

std::string serialize_audit_record(const AuditRecord& record) {
  assert(record.seq >= 1 && record.seq <= kMaxAuditSequence);
  Object out;
  out.text_unless_empty("cause", record.cause);
  out.number_unless_zero("count", record.count);
  out.number_unless_zero("dek_generation", record.dek_generation);
  out.text("event", record.event);
  out.number_unless_zero("kek_version", record.kek_version);
  out.text_unless_empty("key_id", record.key_id);
  out.text_unless_empty("key_uri", record.key_uri);
  out.text_unless_empty("key_version", record.key_version);
  if (record.mac) out.text("mac", to_hex(*record.mac));
  out.text_unless_empty("message", record.message);
  out.text("outcome", record.outcome);
  out.text("prev", to_hex(record.prev));
  out.text_unless_empty("purpose", record.purpose);
  out.text_unless_empty("request_id", record.request_id);
  out.number("seq", record.seq);
  out.text_unless_empty("store", record.store);
  out.text("time", format_timestamp(record.time));
  out.number("v", kAuditVersion);
  return std::move(out).finish();
}

Result<AuditRecord> parse_audit_record(std::string_view line) {
  if (line.size() > kMaxAuditLineSizeBytes) return damaged("the line is too long");
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return damaged("no JSON object");
  KEYHOLD_TRY(check_version(json));
  AuditRecord record;
  for (const auto& [name, value] : json.items()) KEYHOLD_TRY(take(record, name, value));
  if (record.seq == 0 || !is_word(record.event)) return damaged("no sequence number or no event");
  // Order, spaces, escapes, members twice, absent ones and zeros: there is one form.
  if (serialize_audit_record(record) != line) return damaged("not in canonical form");
  return record;
}

std::string audit_mac_input(const AuditRecord& checkpoint) {
  AuditRecord bare = checkpoint;
  bare.mac.reset();
  return serialize_audit_record(bare);
}

std::string audit_segment_name(std::uint64_t first_seq) {
  const std::string digits = std::to_string(first_seq);
  return std::string(kSegmentDigits - digits.size(), '0') + digits + std::string(kSegmentSuffix);
}

std::optional<std::uint64_t> parse_audit_segment_name(std::string_view name) {
  if (name.size() != kSegmentDigits + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) {
    return std::nullopt;
  }
  std::uint64_t first = 0;
  const char* end = name.data() + kSegmentDigits;
  const auto [stop, problem] = std::from_chars(name.data(), end, first);
  if (problem != std::errc() || stop != end || first == 0 || first > kMaxAuditSequence) {
    return std::nullopt;
  }
  return first;
}

}  // namespace keyhold::format
