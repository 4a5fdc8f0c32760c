// Errors and results: every fallible function in Keyhold returns a Result or a Status.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace keyhold {

// Canonical codes. The table in error.cc gives each its name and its process exit status.
enum class Code : std::uint8_t {
  invalid_argument,  // the caller asked for something that cannot be: usage, unknown setting
  not_found,         // the named thing is not there
  already_exists,    // it is there, and must not be
  busy,              // somebody else holds it: a lock, a host
  denied,            // the KMS said no: evidence of revocation
  unavailable,       // the KMS did not answer usefully: an outage
  integrity,         // bytes on disk are not what was written
  wrong_key,         // the bytes are whole, but the key is not the one that made them
  rollback,          // an older state than the anchor remembers
  unsupported,       // a format, option or operation that this version does not do
  no_space,          // disk or quota full
  permission,        // the operating system refused: owner, mode, read-only
  sealed,            // the store's lease has ended
  io,                // any other failure of the operating system
  internal,          // a bug
};

std::string_view code_name(Code code);

// The process exit status of a failure: 1 failed, 2 usage, 3 denied by the KMS, 4 KMS unavailable,
// 5 integrity, 6 not found, 7 conflict or busy.
int exit_status(Code code);

// What went wrong (and, where it helps, what to do), as one sentence without a final full stop.
class Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] Code code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }

  // The same error told from further out: "context: message".
  [[nodiscard]] Error within(std::string_view context) const;

 private:
  Code code_;
  std::string message_;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error(code, std::move(message)));
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// The failure of a system call: errno's text behind `what`, with the code that errno stands for.
tl::unexpected<Error> fail_errno(int error_number, std::string_view what);

}  // namespace keyhold

#define KEYHOLD_CONCAT_INNER(a, b) a##b
#define KEYHOLD_CONCAT(a, b) KEYHOLD_CONCAT_INNER(a, b)

// Leaves the function with the error of `expr`, a Status or Result.
#define KEYHOLD_TRY(expr) KEYHOLD_TRY_INNER(KEYHOLD_CONCAT(keyhold_status_, __COUNTER__), expr)
#define KEYHOLD_TRY_INNER(status, expr)                 \
  do {                                                  \
    if (auto status = (expr); !status) {                \
      return tl::unexpected(std::move(status).error()); \
    }                                                   \
  } while (false)

// Declares or assigns `lhs` from the value of `expr`, a Result, or leaves the function with its
// error.
#define KEYHOLD_TRY_ASSIGN(lhs, expr) \
  KEYHOLD_TRY_ASSIGN_INNER(KEYHOLD_CONCAT(keyhold_result_, __COUNTER__), lhs, expr)
#define KEYHOLD_TRY_ASSIGN_INNER(result, lhs, expr)              \
  auto result = (expr);                                          \
  if (!result) return tl::unexpected(std::move(result).error()); \
  lhs = *std::move(result)
