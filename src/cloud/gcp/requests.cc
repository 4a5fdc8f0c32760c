#include "cloud/gcp/requests.h"

#include "base/base64.h"
#include "base/canonical_json.h"
#include "cloud/secret_header.h"
#include "crypto/rsa_sign.h"

namespace keyhold::cloud::gcp {
namespace {

// Whatever the way to it is. (Google Identity, "Using OAuth 2.0 for Server to Server Applications":
// aud is always this.)
constexpr const char* kTokenAudience = "https://oauth2.googleapis.com/token";

constexpr std::chrono::seconds kAssertionLifetime{3600};
constexpr std::string_view kAccountPrefix = "projects/-/serviceAccounts/";

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// application/x-www-form-urlencoded, as RFC 6749 appendix B has it.
void append_encoded(WipedString& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xfU];
    }
  }
}

class Form {
 public:
  Form& add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += '&';
    append_encoded(text_, name);
    text_ += '=';
    append_encoded(text_, value);
    return *this;
  }
  net::HttpRequest post_to(const std::string& url) {
    return {.method = "POST",
            .url = url,
            .headers = {{.name = "Content-Type", .value = "application/x-www-form-urlencoded"}},
            .body = std::move(text_)};
  }

 private:
  WipedString text_;
};

}  // namespace

Result<WipedString> signed_assertion(const ServiceAccount& account, std::string_view scope,
                                     WallTime now) {
  const auto issued =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::string header = R"({"alg":"RS256","typ":"JWT")";
  if (!account.key_id.empty()) header += ",\"kid\":" + json_string(account.key_id);
  header += '}';
  const std::string claims =
      "{\"iss\":" + json_string(account.email) + ",\"scope\":" + json_string(scope) +
      ",\"aud\":" + json_string(kTokenAudience) + ",\"iat\":" + std::to_string(issued) +
      ",\"exp\":" + std::to_string(issued + kAssertionLifetime.count()) + "}";
  const std::string signed_part =
      to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims));
  KEYHOLD_TRY_ASSIGN(const ByteVector signature,
                     crypto::rsa_sign_sha256(account.private_key, as_bytes(signed_part)));
  const std::string encoded = to_base64url(signature);
  WipedString assertion;
  assertion.reserve(signed_part.size() + 1 + encoded.size());
  assertion.append(signed_part).append(".").append(encoded);
  return assertion;
}

net::HttpRequest assertion_request(const ServiceAccount& account, const WipedString& assertion) {
  return Form()
      .add("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
      .add("assertion", assertion)
      .post_to(account.token_url);
}

net::HttpRequest refresh_request(const AuthorizedUser& user) {
  return Form()
      .add("grant_type", "refresh_token")
      .add("client_id", user.client_id)
      .add("client_secret", user.client_secret)
      .add("refresh_token", user.refresh_token)
      .post_to(user.token_url);
}

net::HttpRequest metadata_request(const MetadataServer& server, std::string_view scope) {
  WipedString scopes;
  append_encoded(scopes, scope);
  return {.method = "GET",
          .url = "http://" + server.host +
                 "/computeMetadata/v1/instance/service-accounts/default/token?scopes=" +
                 std::string(scopes),
          .headers = {{.name = "Metadata-Flavor", .value = "Google"}},
          .body = {}};
}

net::HttpRequest subject_request(const ExternalAccount& account) {
  net::HttpRequest request{.method = "GET", .url = account.url, .headers = {}, .body = {}};
  for (const SubjectHeader& header : account.url_headers) {
    request.headers.push_back({.name = header.name, .value = header.value});
  }
  return request;
}

net::HttpRequest exchange_request(const ExternalAccount& account, const WipedString& subject_token,
                                  std::string_view scope) {
  return Form()
      .add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
      .add("audience", account.audience)
      .add("scope", scope)
      .add("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")
      .add("subject_token_type", account.subject_token_type)
      .add("subject_token", subject_token)
      .post_to(account.token_url);
}

net::HttpRequest impersonation_request(const std::string& url, const WipedString& token,
                                       const std::vector<std::string>& delegates,
                                       std::string_view scope, std::chrono::seconds lifetime) {
  std::string body = "{\"delegates\":[";
  for (const std::string& delegate : delegates) {
    if (body.back() != '[') body += ',';
    const bool is_resource = delegate.find('/') != std::string::npos;
    body += json_string(is_resource ? delegate : std::string(kAccountPrefix) + delegate);
  }
  body += "],\"scope\":[" + json_string(scope) + "],\"lifetime\":\"" +
          std::to_string(lifetime.count()) + "s\"}";
  net::HttpRequest request{.method = "POST", .url = url, .headers = {}, .body = WipedString(body)};
  add_secret_header(request, "Authorization", "Bearer ", token);
  request.headers.push_back({.name = "Content-Type", .value = "application/json"});
  return request;
}

std::string impersonation_url(std::string_view endpoint, std::string_view account) {
  std::string url(endpoint.empty() ? "https://iamcredentials.googleapis.com" : endpoint);
  if (url.ends_with('/')) url.pop_back();
  return url + "/v1/" + std::string(kAccountPrefix) + std::string(account) + ":generateAccessToken";
}

}  // namespace keyhold::cloud::gcp
