#include "kms/local/messages/log_entry.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/timestamp.h"

namespace keyhold::kms::local {
namespace {

using Json = nlohmann::json;

void put(std::string& out, std::string_view name, std::string_view text) {
  append_json_string(out, name);
  out += ':';
  append_json_string(out, text);
  out += ',';
}

tl::unexpected<keyhold::Error> not_an_entry() {
  return fail(Code::integrity, "damaged line in the access log");
}

keyhold::Result<std::string> text_of(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || !found->is_string()) return not_an_entry();
  return found->get<std::string>();
}

keyhold::Result<std::optional<std::uint32_t>> version_of(const Json& entry) {
  const auto found = entry.find("version");
  if (found == entry.end()) return std::nullopt;
  if (!found->is_number_unsigned()) return not_an_entry();
  const auto number = found->get<std::uint64_t>();
  if (number > std::numeric_limits<std::uint32_t>::max()) return not_an_entry();
  return static_cast<std::uint32_t>(number);
}

keyhold::Result<std::map<std::string, std::string>> context_of(const Json& entry) {
  std::map<std::string, std::string> context;
  const auto found = entry.find("context");
  if (found == entry.end()) return context;
  if (!found->is_object()) return not_an_entry();
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) return not_an_entry();
    context[name] = value.get<std::string>();
  }
  return context;
}

keyhold::Result<std::int64_t> pid_of(const Json& entry) {
  const auto found = entry.find("pid");
  if (found == entry.end() || !found->is_number_integer()) return not_an_entry();
  if (found->is_number_unsigned() &&
      found->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return not_an_entry();
  }
  return found->get<std::int64_t>();
}

}  // namespace

std::string serialize_log_entry(const AccessLogEntry& entry) {
  std::string line = "{";
  put(line, "time", format_timestamp(entry.time));
  put(line, "request_id", entry.request_id);
  put(line, "operation", entry.operation);
  put(line, "key", entry.key);
  if (entry.version) line += "\"version\":" + std::to_string(*entry.version) + ",";
  put(line, "outcome", entry.outcome);
  if (!entry.context.empty()) line += "\"context\":" + canonical_json(entry.context) + ",";
  return line + "\"pid\":" + std::to_string(entry.pid) + "}\n";
}

keyhold::Result<AccessLogEntry> parse_log_entry(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return not_an_entry();
  AccessLogEntry entry;
  KEYHOLD_TRY_ASSIGN(const std::string time, text_of(json, "time"));
  const auto parsed = parse_timestamp(time);
  if (!parsed) return not_an_entry();
  entry.time = *parsed;
  KEYHOLD_TRY_ASSIGN(entry.request_id, text_of(json, "request_id"));
  KEYHOLD_TRY_ASSIGN(entry.operation, text_of(json, "operation"));
  KEYHOLD_TRY_ASSIGN(entry.key, text_of(json, "key"));
  KEYHOLD_TRY_ASSIGN(entry.version, version_of(json));
  KEYHOLD_TRY_ASSIGN(entry.outcome, text_of(json, "outcome"));
  KEYHOLD_TRY_ASSIGN(entry.context, context_of(json));
  KEYHOLD_TRY_ASSIGN(entry.pid, pid_of(json));
  return entry;
}

}  // namespace keyhold::kms::local
