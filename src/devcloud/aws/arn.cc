#include "devcloud/aws/arn.h"

#include <algorithm>
#include <array>

namespace keyhold::devcloud::aws {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string of_iam(std::string_view account, std::string_view kind, std::string_view name) {
  return "arn:aws:iam::" + std::string(account) + ":" + std::string(kind) + "/" + std::string(name);
}

std::string of_kms(std::string_view region, std::string_view account, const std::string& resource) {
  return Arn{"kms", std::string(region), std::string(account), resource}.str();
}

}  // namespace

std::string Arn::str() const {
  return "arn:aws:" + service + ":" + region + ":" + account + ":" + resource;
}

std::string Arn::name_of(std::string_view kind) const {
  const std::string prefix = std::string(kind) + "/";
  return resource.starts_with(prefix) ? resource.substr(prefix.size()) : std::string();
}

std::optional<Arn> parse_arn(std::string_view text) {
  std::array<std::string, 5> parts;
  for (std::string& part : parts) {
    const std::size_t colon = text.find(':');
    if (colon == text.npos) return std::nullopt;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn" || parts[1] != "aws" || text.empty()) return std::nullopt;
  return Arn{parts[2], parts[3], parts[4], std::string(text)};
}

std::string user_arn(std::string_view account, std::string_view name) {
  return of_iam(account, "user", name);
}
std::string role_arn(std::string_view account, std::string_view name) {
  return of_iam(account, "role", name);
}
std::string root_arn(std::string_view account) {
  return "arn:aws:iam::" + std::string(account) + ":root";
}
std::string session_arn(std::string_view account, std::string_view role, std::string_view session) {
  return "arn:aws:sts::" + std::string(account) + ":assumed-role/" + std::string(role) + "/" +
         std::string(session);
}
std::string key_arn(std::string_view region, std::string_view account, std::string_view id) {
  return of_kms(region, account, "key/" + std::string(id));
}
std::string alias_arn(std::string_view region, std::string_view account, std::string_view name) {
  return of_kms(region, account, std::string(name));
}

bool is_account_id(std::string_view text) {
  return text.size() == 12 && std::ranges::all_of(text, is_digit);
}

bool is_region(std::string_view text) {
  const std::size_t dash = text.rfind('-');
  if (dash == text.npos || dash == 0 || dash + 1 == text.size()) return false;
  const std::string_view words = text.substr(0, dash);
  return words.find('-') != words.npos && std::ranges::all_of(text.substr(dash + 1), is_digit) &&
         std::ranges::all_of(words, [](char c) { return c == '-' || (c >= 'a' && c <= 'z'); });
}

}  // namespace keyhold::devcloud::aws
