#include "kms/aws/messages/requests.h"

#include "base/base64.h"
#include "base/canonical_json.h"
#include "kms/secret_json.h"

namespace keyhold::kms::aws {
namespace {

net::HttpRequest request_of(std::string_view endpoint, std::string_view action,
                            std::string_view key_arn) {
  net::HttpRequest request{.method = "POST",
                           .url = std::string(endpoint) + "/",
                           .headers = {{"Content-Type", "application/x-amz-json-1.1"},
                                       {"X-Amz-Target", "TrentService." + std::string(action)}},
                           .body = {}};
  std::string quoted;
  append_json_string(quoted, key_arn);
  request.body.append("{\"KeyId\":").append(std::string_view(quoted));
  return request;
}

void add_context(WipedString& body, const WrapContext& context) {
  const std::string json = to_canonical_json(context);
  body.append(",\"EncryptionContext\":").append(std::string_view(json));
}

}  // namespace

net::HttpRequest encrypt_request(std::string_view endpoint, std::string_view key_arn,
                                 const crypto::Key256& key, const WrapContext& context) {
  net::HttpRequest request = request_of(endpoint, "Encrypt", key_arn);
  add_context(request.body, context);
  request.body.append(",\"Plaintext\":\"");
  append_key(request.body, key);
  request.body.append("\"}");
  return request;
}

net::HttpRequest decrypt_request(std::string_view endpoint, std::string_view key_arn,
                                 ByteView ciphertext, const WrapContext& context) {
  net::HttpRequest request = request_of(endpoint, "Decrypt", key_arn);
  add_context(request.body, context);
  request.body.append(",\"CiphertextBlob\":\"");
  append_base64(request.body, ciphertext);
  request.body.append("\"}");
  return request;
}

net::HttpRequest describe_request(std::string_view endpoint, std::string_view key_arn) {
  net::HttpRequest request = request_of(endpoint, "DescribeKey", key_arn);
  request.body.append("}");
  return request;
}

}  // namespace keyhold::kms::aws
