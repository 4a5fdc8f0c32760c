#include "base/base64.h"

#include <cstddef>
#include <optional>

namespace keyhold {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Appends three bytes as four characters, one or two as two or three.
template <typename String>
void append_group(String& to, ByteView group, std::string_view alphabet) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 3; ++i) bits = bits << 8U | (i < group.size() ? group[i] : 0U);
  for (std::size_t i = 0; i <= group.size(); ++i) to += alphabet[bits >> (18U - 6U * i) & 0x3fU];
}

template <typename String>
void append_all(String& to, ByteView bytes, std::string_view alphabet) {
  to.reserve(to.size() + (bytes.size() + 2) / 3 * 4);
  for (; bytes.size() > 3; bytes = bytes.subspan(3)) {
    append_group(to, bytes.first(3), alphabet);
  }
  if (!bytes.empty()) append_group(to, bytes, alphabet);
}

std::optional<std::uint32_t> value_of(char c, std::string_view alphabet) {
  const std::size_t at = alphabet.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint32_t>(at);
}

tl::unexpected<Error> bad_base64() {
  return fail(Code::invalid_argument, "not base64");
}

// Two to four characters: one to three bytes, which must be as many as `to` has.
Status decode_group(std::string_view group, std::string_view alphabet, MutableByteView to) {
  std::uint32_t bits = 0;
  for (const char c : group) {
    const auto value = value_of(c, alphabet);
    if (!value) return bad_base64();
    bits = bits << 6U | *value;
  }
  bits <<= 6U * (4 - group.size());
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = static_cast<std::uint8_t>(bits >> (16U - 8U * i));
  }
  const std::uint32_t rest = bits & ((1U << (24U - 8U * to.size())) - 1U);
  return rest == 0 ? Status() : Status(bad_base64());
}

// How many bytes `digits` characters without padding stand for; none where there is no such number.
std::optional<std::size_t> decoded_size(std::size_t digits) {
  if (digits % 4 == 1) return std::nullopt;
  return digits / 4 * 3 + (digits % 4 == 0 ? 0 : digits % 4 - 1);
}

Status decode_digits(std::string_view digits, std::string_view alphabet, MutableByteView to) {
  while (!digits.empty()) {
    const std::string_view group = digits.substr(0, 4);
    const std::size_t size = group.size() - 1;
    KEYHOLD_TRY(decode_group(group, alphabet, to.first(size)));
    digits.remove_prefix(group.size());
    to = to.subspan(size);
  }
  return {};
}

Result<ByteVector> decode_all(std::string_view digits, std::string_view alphabet) {
  const auto size = decoded_size(digits.size());
  if (!size) return bad_base64();
  ByteVector bytes(*size);
  KEYHOLD_TRY(decode_digits(digits, alphabet, bytes));
  return bytes;
}

// The text without its padding; none where that is not as it should be.
std::optional<std::string_view> without_padding(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with("==")) return text.substr(0, text.size() - 2);
  if (text.ends_with('=')) return text.substr(0, text.size() - 1);
  return text;
}

}  // namespace

std::string to_base64(ByteView bytes) {
  std::string text;
  append_all(text, bytes, kAlphabet);
  text.append((3 - bytes.size() % 3) % 3, '=');
  return text;
}

std::string to_base64url(ByteView bytes) {
  std::string text;
  append_all(text, bytes, kUrlAlphabet);
  return text;
}

Result<ByteVector> from_base64(std::string_view text) {
  const auto digits = without_padding(text);
  if (!digits) return bad_base64();
  return decode_all(*digits, kAlphabet);
}

Result<ByteVector> from_base64url(std::string_view text) {
  return decode_all(text, kUrlAlphabet);
}

void append_base64(WipedString& to, ByteView bytes) {
  append_all(to, bytes, kAlphabet);
  to.append((3 - bytes.size() % 3) % 3, '=');
}

Status decode_base64(std::string_view text, MutableByteView to) {
  const auto digits = without_padding(text);
  const bool fits = digits && decoded_size(digits->size()) == to.size();
  Status decoded = fits ? decode_digits(*digits, kAlphabet, to) : Status(bad_base64());
  if (!decoded) explicit_bzero(to.data(), to.size());
  return decoded;
}

}  // namespace keyhold
