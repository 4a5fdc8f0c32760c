#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace keyhold {
namespace {

struct CodeRow {
  Code code;
  std::string_view name;
  int exit_status;
};

constexpr std::array kCodes = {
    CodeRow{Code::invalid_argument, "invalid_argument", 2},
    CodeRow{Code::not_found, "not_found", 6},
    CodeRow{Code::already_exists, "already_exists", 7},
    CodeRow{Code::busy, "busy", 7},
    CodeRow{Code::denied, "denied", 3},
    CodeRow{Code::unavailable, "unavailable", 4},
    CodeRow{Code::integrity, "integrity", 5},
    CodeRow{Code::wrong_key, "wrong_key", 5},
    CodeRow{Code::rollback, "rollback", 5},
    CodeRow{Code::unsupported, "unsupported", 1},
    CodeRow{Code::no_space, "no_space", 1},
    CodeRow{Code::permission, "permission", 1},
    CodeRow{Code::sealed, "sealed", 3},
    CodeRow{Code::io, "io", 1},
    CodeRow{Code::internal, "internal", 1},
};

const CodeRow& row_of(Code code) {
  return kCodes.at(static_cast<std::size_t>(code));
}

constexpr bool in_order() {
  for (std::size_t i = 0; i < kCodes.size(); ++i) {
    if (static_cast<std::size_t>(kCodes.at(i).code) != i) return false;
  }
  return true;
}
static_assert(in_order(), "one row for each code, in the order of the enum");

Code code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return Code::not_found;
    case EEXIST:
    case ENOTEMPTY:
      return Code::already_exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::permission;
    case ENOSPC:
    case EDQUOT:
      return Code::no_space;
    case EAGAIN:
    case EBUSY:
    case ETXTBSY:
      return Code::busy;
    case EINVAL:
    case ENAMETOOLONG:
      return Code::invalid_argument;
    case EOPNOTSUPP:
    case ENOSYS:
    case EXDEV:  // a link or rename between two file systems: the caller may copy instead
      return Code::unsupported;
    default:
      return Code::io;
  }
}

}  // namespace

std::string_view code_name(Code code) {
  return row_of(code).name;
}

int exit_status(Code code) {
  return row_of(code).exit_status;
}

Error Error::within(std::string_view context) const {
  return {code_, std::string(context) + ": " + message_};
}

tl::unexpected<Error> fail_errno(int error_number, std::string_view what) {
  std::array<char, 128> text{};
  const char* message = strerror_r(error_number, text.data(), text.size());
  return fail(code_of_errno(error_number), std::string(what) + ": " + message);
}

}  // namespace keyhold
