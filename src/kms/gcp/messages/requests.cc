#include "kms/gcp/messages/requests.h"

#include "base/base64.h"
#include "base/crc32c.h"
#include "cloud/secret_header.h"
#include "kms/secret_json.h"

namespace keyhold::kms::gcp {
namespace {

std::string path_of(const KeyName& key) {
  return key.version.empty() ? key.key : key.key + "/cryptoKeyVersions/" + key.version;
}

net::HttpRequest request(const Call& call, std::string method, const std::string& path) {
  net::HttpRequest request;
  request.method = std::move(method);
  request.url = call.endpoint + "/v1/" + path;
  cloud::add_secret_header(request, "Authorization", "Bearer ", call.token);
  request.headers.push_back(
      {.name = "X-Goog-Request-Reason", .value = "keyhold " + call.request_id});
  if (request.method == "POST") {
    request.headers.push_back({.name = "Content-Type", .value = "application/json"});
  }
  return request;
}

// The end of both bodies: the checksum of what came before, and the context with its own.
void append_rest(WipedString& body, const char* checksum_name, std::uint32_t checksum,
                 std::string_view context_json) {
  const ByteView context = as_bytes(context_json);
  body += std::string("\",\"") + checksum_name + "\":\"" + std::to_string(checksum) +
          R"(","additionalAuthenticatedData":")" + to_base64(context) +
          R"(","additionalAuthenticatedDataCrc32c":")" + std::to_string(crc32c(context)) + "\"}";
}

}  // namespace

net::HttpRequest encrypt_request(const Call& call, const KeyName& key,
                                 const crypto::Key256& plaintext, std::string_view context_json) {
  net::HttpRequest out = request(call, "POST", path_of(key) + ":encrypt");
  out.body = R"({"plaintext":")";
  append_key(out.body, plaintext);
  append_rest(out.body, "plaintextCrc32c", crc32c(plaintext.bytes(crypto::SecretAccess::grant())),
              context_json);
  return out;
}

net::HttpRequest decrypt_request(const Call& call, const KeyName& key, ByteView ciphertext,
                                 std::string_view context_json) {
  net::HttpRequest out = request(call, "POST", key.key + ":decrypt");
  out.body = WipedString(R"({"ciphertext":")") + WipedString(to_base64(ciphertext));
  append_rest(out.body, "ciphertextCrc32c", crc32c(ciphertext), context_json);
  return out;
}

net::HttpRequest describe_request(const Call& call, const KeyName& key) {
  return request(call, "GET", path_of(key));
}

}  // namespace keyhold::kms::gcp
