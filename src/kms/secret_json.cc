#include "kms/secret_json.h"

#include <optional>
#include <span>
#include <string>

#include "base/base64.h"

namespace keyhold::kms {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

tl::unexpected<Error> no_key(std::string_view name) {
  return fail(Code::invalid_argument,
              "not a JSON text with one " + std::string(name) + ", the base64 of 32 bytes");
}

// The end of the string whose first quote stands at `open`: the place of its last quote.
std::optional<std::size_t> closing_quote(std::string_view json, std::size_t open) {
  for (std::size_t at = open + 1; at < json.size(); ++at) {
    if (json[at] == '"') return at;
    if (json[at] == '\\') ++at;
  }
  return std::nullopt;
}

struct Span {
  std::size_t begin = 0;
  std::size_t size = 0;
};

// What stands between the quotes of a string that follows `at` and a colon; empty where none does.
std::optional<Span> value_after(std::string_view json, std::size_t at) {
  const std::size_t colon = json.find_first_not_of(kSpace, at);
  if (colon == std::string_view::npos || json[colon] != ':') return std::nullopt;
  const std::size_t open = json.find_first_not_of(kSpace, colon + 1);
  if (open == std::string_view::npos || json[open] != '"') return std::nullopt;
  const auto close = closing_quote(json, open);
  if (!close) return std::nullopt;
  return Span{.begin = open + 1, .size = *close - open - 1};
}

// The member's value: from string to string, so that a name inside another string does not count.
std::optional<Span> only_value(std::string_view json, std::string_view name) {
  std::optional<Span> found;
  for (std::size_t at = json.find('"'); at != std::string_view::npos; at = json.find('"', at)) {
    const auto close = closing_quote(json, at);
    if (!close) return std::nullopt;
    const std::string_view text = json.substr(at + 1, *close - at - 1);
    at = *close + 1;
    if (text != name) continue;
    const auto value = value_after(json, at);
    if (!value || found) return std::nullopt;
    found = value;
    at = value->begin + value->size + 1;
  }
  return found;
}

}  // namespace

Result<crypto::Key256> take_key(WipedString& json, std::string_view name) {
  const auto value = only_value(json, name);
  if (!value) return no_key(name);
  KEYHOLD_TRY_ASSIGN(crypto::Key256 key, crypto::Key256::allocate());
  const std::string_view text = std::string_view(json).substr(value->begin, value->size);
  const Status decoded = decode_base64(text, key.bytes(crypto::SecretAccess::grant()));
  json.replace(value->begin, value->size, value->size, 'A');
  if (!decoded) return no_key(name);
  return key;
}

void append_key(WipedString& to, const crypto::Key256& key) {
  append_base64(to, key.bytes(crypto::SecretAccess::grant()));
}

}  // namespace keyhold::kms
