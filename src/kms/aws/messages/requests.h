// The requests to AWS KMS, as bytes, not yet signed. (AWS KMS API Reference, Encrypt, Decrypt,
// DescribeKey; the AWS JSON 1.1 protocol.)
//
// Sans-I/O; thread-safe. The body of an Encrypt holds a key.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "crypto/secret.h"
#include "kms/wrap_context.h"
#include "net/http_client.h"

namespace keyhold::kms::aws {

// `endpoint` without a '/' at its end; `key_arn` a key's or an alias's.
net::HttpRequest encrypt_request(std::string_view endpoint, std::string_view key_arn,
                                 const crypto::Key256& key, const WrapContext& context);
net::HttpRequest decrypt_request(std::string_view endpoint, std::string_view key_arn,
                                 ByteView ciphertext, const WrapContext& context);
net::HttpRequest describe_request(std::string_view endpoint, std::string_view key_arn);

}  // namespace keyhold::kms::aws
