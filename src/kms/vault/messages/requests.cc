#include "kms/vault/messages/requests.h"

#include "base/base64.h"
#include "base/canonical_json.h"
#include "cloud/secret_header.h"
#include "kms/secret_json.h"

namespace keyhold::kms::vault {
namespace {

net::HttpRequest request(const KeyLocation& key, std::string method, const std::string& path,
                         const std::string& name_space) {
  net::HttpRequest request;
  request.method = std::move(method);
  request.url = key.origin + "/v1/" + path;
  request.headers.push_back({.name = "X-Vault-Request", .value = "true"});
  if (!name_space.empty()) {
    request.headers.push_back({.name = "X-Vault-Namespace", .value = name_space});
  }
  if (request.method == "POST") {
    request.headers.push_back({.name = "Content-Type", .value = "application/json"});
  }
  return request;
}

net::HttpRequest with_token(net::HttpRequest request, const WipedString& token) {
  cloud::add_secret_header(request, "X-Vault-Token", "", token);
  return request;
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// The namespace in which the login's token lives.
const std::string& namespace_of(const KeyLocation& key, const Login& login) {
  return login.vault_namespace.empty() ? key.vault_namespace : login.vault_namespace;
}

WipedString associated_data(std::string_view context_json) {
  return WipedString(R"(,"associated_data":")") + WipedString(to_base64(as_bytes(context_json))) +
         R"("})";
}

}  // namespace

net::HttpRequest login_request(const KeyLocation& key, const Login& login,
                               const WipedString& credential) {
  net::HttpRequest out =
      request(key, "POST", "auth/" + login.mount + "/login", namespace_of(key, login));
  // A credential needs no escapes (read_credential).
  const bool approle = login.method == Method::approle;
  const std::string name = login.method == Method::cert ? "name" : approle ? "role_id" : "role";
  out.body = WipedString("{\"" + name + "\":" + quoted(login.argument));
  if (login.method != Method::cert) {
    out.body += approle ? R"(,"secret_id":")" : R"(,"jwt":")";
    out.body += credential;
    out.body += '"';
  }
  out.body += '}';
  return out;
}

net::HttpRequest read_key_request(const KeyLocation& key, const WipedString& token) {
  return with_token(request(key, "GET", key.mount + "/keys/" + key.name, key.vault_namespace),
                    token);
}

net::HttpRequest encrypt_request(const KeyLocation& key, const WipedString& token,
                                 const crypto::Key256& plaintext, std::string_view context_json) {
  net::HttpRequest out = with_token(
      request(key, "POST", key.mount + "/encrypt/" + key.name, key.vault_namespace), token);
  out.body = R"({"plaintext":")";
  append_key(out.body, plaintext);
  out.body += '"';
  out.body += associated_data(context_json);
  return out;
}

net::HttpRequest decrypt_request(const KeyLocation& key, const WipedString& token,
                                 std::string_view ciphertext, std::string_view context_json) {
  net::HttpRequest out = with_token(
      request(key, "POST", key.mount + "/decrypt/" + key.name, key.vault_namespace), token);
  out.body = WipedString("{\"ciphertext\":" + quoted(ciphertext));
  out.body += associated_data(context_json);
  return out;
}

net::HttpRequest lookup_request(const KeyLocation& key, const WipedString& token) {
  return with_token(request(key, "GET", "auth/token/lookup-self", key.vault_namespace), token);
}

net::HttpRequest revoke_request(const KeyLocation& key, const Login& login,
                                const WipedString& token) {
  return with_token(request(key, "POST", "auth/token/revoke-self", namespace_of(key, login)),
                    token);
}

}  // namespace keyhold::kms::vault
