// An environment that a test makes up.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "cloud/environment.h"

namespace keyhold::cloud {

struct TestEnvironment final : public Environment {
  std::map<std::string, std::string, std::less<>> variables;
  std::map<std::string, std::string, std::less<>> files;  // path → content
  std::string home = "/its-home";

  [[nodiscard]] std::optional<std::string> get(std::string_view name) const override {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::optional<WipedString> get_secret(std::string_view name) const override {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return WipedString(found->second.begin(), found->second.end());
  }
  [[nodiscard]] Result<WipedString> read_file(const std::string& path) const override {
    const auto found = files.find(path);
    if (found == files.end()) return fail(Code::not_found, "open " + path + ": no such file");
    return WipedString(found->second.begin(), found->second.end());
  }
  [[nodiscard]] std::string home_directory() const override { return home; }
};

}  // namespace keyhold::cloud
