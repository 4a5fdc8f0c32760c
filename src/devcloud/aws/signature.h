// AWS Signature Version 4, the verifying side (IAM User Guide, "Create a signed AWS API request").
// Sans-I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "devcloud/aws/error.h"
#include "net/http_server.h"

namespace keyhold::devcloud::aws {

// What the Authorization header says.
struct Authorization {
  std::string access_key_id;
  std::string date;  // "20260301"
  std::string region;
  std::string service;
  std::vector<std::string> signed_headers;  // lower case, sorted
  std::string signature;                    // 64 hexadecimal digits
};

// The codes of both protocols: KMS's (JSON) and STS's (query) name the same refusals differently.
enum class Protocol : std::uint8_t { json, query };

AwsError missing_token(Protocol protocol);
AwsError unknown_client(Protocol protocol);
AwsError expired_token(Protocol protocol);
AwsError bad_signature(Protocol protocol, const std::string& message);

Answer<Authorization> parse_authorization(const net::HttpCall& call, Protocol protocol);

// Where the request was signed more than five minutes from now, or says no time at all.
Answer<void> check_time(const net::HttpCall& call, const Authorization& authorization, WallTime now,
                        Protocol protocol);

// Whether host and every x-amz-… header are among the signed ones, and the signature is that of
// this request under `secret`.
Answer<void> check_signature(const net::HttpCall& call, const Authorization& authorization,
                             std::string_view secret, Protocol protocol);

// "20260301T093000Z".
std::string amz_date(WallTime time);

}  // namespace keyhold::devcloud::aws
