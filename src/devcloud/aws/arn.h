// Amazon Resource Names: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE. Sans-I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keyhold::devcloud::aws {

struct Arn {
  std::string service;
  std::string region;
  std::string account;
  std::string resource;  // "role/keyhold", "key/1234-…"

  [[nodiscard]] std::string str() const;
  // What stands behind "KIND/" in the resource; empty where it is of another kind.
  [[nodiscard]] std::string name_of(std::string_view kind) const;
};

// Of the partition "aws" alone.
std::optional<Arn> parse_arn(std::string_view text);

std::string user_arn(std::string_view account, std::string_view name);
std::string role_arn(std::string_view account, std::string_view name);
std::string root_arn(std::string_view account);
std::string session_arn(std::string_view account, std::string_view role, std::string_view session);
std::string key_arn(std::string_view region, std::string_view account, std::string_view id);
// `name` with its "alias/".
std::string alias_arn(std::string_view region, std::string_view account, std::string_view name);

// Twelve digits.
bool is_account_id(std::string_view text);
// "eu-central-1", "us-gov-west-1": lower-case words, at least two, then a number.
bool is_region(std::string_view text);

}  // namespace keyhold::devcloud::aws
