#include "devcloud/admin.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "crypto/secret.h"

namespace keyhold::devcloud {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "/_devcloud/";
constexpr const char* kTokenFile = "admin.token";
constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kMaxTokenFileBytes = 1024;
constexpr std::size_t kDefaultLogRecords = 100;
constexpr std::chrono::milliseconds kMaxOffset = std::chrono::hours(24 * 3650);

Result<std::string> make_token(const Shared& shared) {
  ByteVector random(kTokenBytes);
  shared.machine().random.fill(random);
  std::string token = to_hex(random);
  KEYHOLD_TRY(io::replace_file(shared.machine().files, shared.folder.at(kTokenFile),
                               as_bytes(token + "\n"), 0600));
  return token;
}

Result<std::string> load_token(const Shared& shared) {
  const auto bytes =
      io::read_file(shared.machine().files, shared.folder.at(kTokenFile), kMaxTokenFileBytes);
  if (!bytes && bytes.error().code() == Code::not_found) return make_token(shared);
  if (!bytes) return fail(bytes.error());
  std::string token(as_text(*bytes));
  std::erase(token, '\n');
  if (token.size() != 2 * kTokenBytes) {
    return fail(Code::integrity, shared.folder.at(kTokenFile) + " holds no token");
  }
  return token;
}

int status_of(Code code) {
  switch (code) {
    case Code::invalid_argument:
    case Code::unsupported:
      return 400;
    case Code::permission:
      return 401;
    case Code::not_found:
      return 404;
    case Code::already_exists:
    case Code::busy:
      return 409;
    default:
      return 500;
  }
}

net::HttpAnswer to_answer(const Result<std::string>& outcome) {
  net::HttpAnswer answer;
  answer.headers = {{"Content-Type", "application/json"}};
  if (outcome) {
    answer.body = *outcome;
    return answer;
  }
  answer.status = status_of(outcome.error().code());
  const json error = {{"code", code_name(outcome.error().code())},
                      {"message", outcome.error().message()}};
  answer.body = json{{"error", error}}.dump(-1, ' ', false, json::error_handler_t::replace);
  return answer;
}

// {"NAME": N}.
Result<std::chrono::milliseconds> milliseconds_of(const std::string& text, const char* name) {
  const json body = json::parse(text, nullptr, false);
  if (body.is_object() && body.contains(name) && body[name].is_number_integer()) {
    return std::chrono::milliseconds(body[name].get<std::int64_t>());
  }
  return fail(Code::invalid_argument, "wanted: {\"" + std::string(name) + "\": N}");
}

tl::unexpected<Error> no_such_path(const net::HttpCall& call) {
  return fail(Code::not_found, "the admin API has no " + call.method + " " + call.path);
}

}  // namespace

Result<Admin> Admin::open(const Shared& shared,
                          const std::vector<std::unique_ptr<Service>>& services,
                          ShiftedClock& clock) {
  KEYHOLD_TRY_ASSIGN(auto token, load_token(shared));
  return Admin(shared, services, clock, std::move(token));
}

bool Admin::takes(const net::HttpCall& call) {
  return call.tls && call.path.starts_with(kPrefix);
}

bool Admin::allowed(const net::HttpCall& call) const {
  const std::string* const given = call.header("authorization");
  return given != nullptr &&
         crypto::equal_constant_time(as_bytes(*given), as_bytes("Bearer " + token_));
}

net::HttpAnswer Admin::answer(const net::HttpCall& call) const {
  if (!allowed(call)) {
    return to_answer(fail(Code::permission, "the admin API wants the token of DIR/admin.token"));
  }
  return to_answer(route(call));
}

Result<std::string> Admin::route(const net::HttpCall& call) const {
  const std::string rest = call.path.substr(kPrefix.size());
  const std::size_t slash = rest.find('/');
  const std::string first = rest.substr(0, slash);
  const std::string second = slash == std::string::npos ? "" : rest.substr(slash + 1);
  if (first == "faults") return faults(call, second);
  if (rest == "propagation") return propagation(call);
  if (rest == "clock" && call.method == "PUT") return clock(call);
  if (rest == "log" && call.method == "GET") return log(call);
  const auto service = std::ranges::find_if(
      *services_, [&](const auto& candidate) { return candidate->name() == first; });
  if (service == services_->end() || call.method != "POST") return no_such_path(call);
  return (*service)->administer(second, call.body.empty() ? "{}" : call.body);
}

Result<std::string> Admin::faults(const net::HttpCall& call, const std::string& id) const {
  if (call.method == "DELETE") {
    KEYHOLD_TRY(shared_.faults.clear(id));
    return "{}";
  }
  if (call.method == "POST" && id.empty()) {
    KEYHOLD_TRY_ASSIGN(auto fault, fault_from_json(call.body));
    KEYHOLD_TRY_ASSIGN(fault, shared_.faults.add(std::move(fault)));
    return to_json(fault);
  }
  if (call.method != "GET" || !id.empty()) return no_such_path(call);
  std::string list;
  for (const Fault& fault : shared_.faults.list()) {
    list += (list.empty() ? "" : ",") + to_json(fault);
  }
  return "{\"faults\":[" + list + "]}";
}

Result<std::string> Admin::clock(const net::HttpCall& call) const {
  KEYHOLD_TRY_ASSIGN(const auto offset, milliseconds_of(call.body, "offset_ms"));
  if (offset > kMaxOffset || offset < -kMaxOffset) {
    return fail(Code::invalid_argument, "the clock is moved by ten years at most");
  }
  clock_->set_offset(offset);
  return json{{"offset_ms", offset.count()}}.dump();
}

Result<std::string> Admin::propagation(const net::HttpCall& call) const {
  if (call.method == "PUT") {
    KEYHOLD_TRY_ASSIGN(const auto delay, milliseconds_of(call.body, "delay_ms"));
    KEYHOLD_TRY(shared_.faults.set_propagation_delay(delay));
  } else if (call.method != "GET") {
    return no_such_path(call);
  }
  return json{{"delay_ms", shared_.faults.propagation_delay().count()}}.dump();
}

Result<std::string> Admin::log(const net::HttpCall& call) const {
  std::size_t limit = kDefaultLogRecords;
  constexpr std::string_view kLimit = "limit=";
  if (call.query.starts_with(kLimit)) {
    const char* const begin = call.query.data() + kLimit.size();
    const char* const end = call.query.data() + call.query.size();
    const auto parsed = std::from_chars(begin, end, limit);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return fail(Code::invalid_argument, "a limit is a number");
    }
  }
  KEYHOLD_TRY_ASSIGN(const auto records, shared_.log.tail(limit));
  std::string list;
  for (const std::string& record : records) list += (list.empty() ? "" : ",") + record;
  return "{\"records\":[" + list + "]}";
}

}  // namespace keyhold::devcloud
