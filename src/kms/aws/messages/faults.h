// The taxonomy of AWS KMS: what an answer that is not 200 means (docs/kms/aws.md has the table),
// and what a login's refusal and a key's state mean. Sans-I/O; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "cloud/aws/login_error.h"
#include "kms/aws/messages/answers.h"
#include "kms/error.h"
#include "net/http_client.h"

namespace keyhold::kms::aws {

// An error that KMS itself wrote (AWS JSON 1.1: {"__type", "message"}).
struct KmsRefusal {
  bool parsed = false;  // false: nothing of KMS's, so never evidence
  std::string code;     // DisabledException
  std::string message;  // at most 600 bytes, printable
};
KmsRefusal parse_refusal(std::string_view body);

// REQUIRES: response.status is not 200. `step` is "kms:Decrypt arn:…": an AccessDenied of it names
// the grant that is missing. The message holds what KMS says.
Error fault_of(const std::string& step, const net::HttpResponse& response, WallTime now);

// Whether the answer says that the credentials, not the key, are what is wrong: kept ones may have
// ended before their time.
bool blames_credentials(const net::HttpResponse& response);

Error fault_of_login(const cloud::aws::LoginError& error);

// Fault::configuration unless it is a symmetric key for encryption.
Result<void> check_key_type(const KeyMetadata& key);

}  // namespace keyhold::kms::aws
