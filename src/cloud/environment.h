// What a process is told from outside: environment variables and the files that they, or customs,
// name. Passed in, so that a test gives its own.
//
// Thread-safe, as long as nobody changes the process's environment while it runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/wiped_string.h"

namespace keyhold::cloud {

// The most that a file of credentials or settings may hold, in bytes.
inline constexpr std::size_t kMaxCredentialFileBytes = 1U << 20U;

class Environment {
 public:
  virtual ~Environment() = default;

  // Nothing where there is no such variable; one that is set to nothing is the empty string.
  [[nodiscard]] virtual std::optional<std::string> get(std::string_view name) const = 0;
  // The same for what may be a secret.
  [[nodiscard]] virtual std::optional<WipedString> get_secret(std::string_view name) const = 0;

  // The whole of a regular file (or of what behaves as one: a pipe, a token that a kubelet
  // projects). Code::not_found where there is none, Code::invalid_argument where it is larger than
  // kMaxCredentialFileBytes. No message holds any of it.
  [[nodiscard]] virtual Result<WipedString> read_file(const std::string& path) const = 0;

  // HOME, else what the user database says; empty where neither does.
  [[nodiscard]] virtual std::string home_directory() const = 0;

  // The variable's value where it is set and not empty; `otherwise` else.
  [[nodiscard]] std::string get_or(std::string_view name, std::string_view otherwise) const;
};

// That of this process; lives as long as it.
const Environment& process_environment();

}  // namespace keyhold::cloud
