// STS answers in XML. (AWS STS API Reference, "AssumeRole", "Common Error Types"; AWS Query
// protocol.)
//
// Sans-I/O; thread-safe. The only code that knows pugixml. Takes anything; no message holds any of
// the text.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/wiped_string.h"
#include "cloud/aws/credentials.h"

namespace keyhold::cloud::aws {

// What AssumeRole and AssumeRoleWithWebIdentity answer. The body is parsed in place and is of no
// use afterwards. Code::invalid_argument where it is not such an answer.
Result<Credentials> parse_assumed_role(WipedString& body);

// The ARN that GetCallerIdentity answers, of at most 2048 bytes. As above.
Result<std::string> parse_caller_identity(WipedString& body);

struct StsError {
  std::string code;     // AccessDenied
  std::string message;  // at most 600 bytes, printable
  std::string request_id;
};
// Nothing where the body is not one of STS's errors. Parsed in place, as above.
std::optional<StsError> parse_sts_error(WipedString& body);

// At most `limit` bytes, UTF-8, control characters as spaces: what a message of ours may hold of
// theirs.
std::string printable(std::string_view text, std::size_t limit = 600);

}  // namespace keyhold::cloud::aws
