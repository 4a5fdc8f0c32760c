// AWS Signature Version 4 in the Authorization header. (IAM User Guide, "AWS Signature Version 4
// for API requests" and "Create a signed AWS API request".)
//
// Sans-I/O; thread-safe. Proved against AWS's published cases and against botocore.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/wiped_string.h"
#include "cloud/aws/credentials.h"
#include "net/http_client.h"

namespace keyhold::cloud::aws {

struct SigningScope {
  std::string region;   // us-east-1
  std::string service;  // kms, sts, s3
  WallTime at;
};

// What services do differently.
struct SigningStyle {
  bool normalize_path = true;      // S3: false
  bool encode_path_twice = true;   // S3: false
  bool send_body_hash = false;     // S3: true, as the header X-Amz-Content-SHA256
  bool sign_session_token = true;  // false: the token's header is added after signing
};

// A request as its bytes go over the wire, and as the signature sees it.
struct RequestToSign {
  std::string method;
  std::string path;                          // from its '/', as sent, up to the '?'
  std::string query;                         // behind the '?', as sent
  std::span<const net::HttpHeader> headers;  // all that are to be signed, Host among them
  std::string_view body;
};

// The three stages of a signature. `canonical_request` holds a session token where that is signed.
WipedString canonical_request(const RequestToSign& request, const SigningStyle& style);
std::string string_to_sign(std::string_view canonical_request, const SigningScope& scope);
// 64 characters of hexadecimal.
std::string signature(std::string_view string_to_sign, const WipedString& secret_access_key,
                      const SigningScope& scope);

// Adds Host, X-Amz-Date, X-Amz-Security-Token (for temporary credentials), the body's hash where
// the style says so, and Authorization, which signs all headers that the request then has.
// REQUIRES: request.url is one that parse_http_url takes; none of those headers is there yet.
void sign(net::HttpRequest& request, const Credentials& credentials, const SigningScope& scope,
          const SigningStyle& style = {});

// Percent-encodes all but A-Z a-z 0-9 - . _ ~ (RFC 3986 section 2.3), upper case hexadecimal.
std::string uri_encode(std::string_view text);

// 20150830T123600Z.
std::string amz_date(WallTime time);

}  // namespace keyhold::cloud::aws
