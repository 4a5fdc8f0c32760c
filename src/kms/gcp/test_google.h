// A strict stand-in for what Keyhold uses of Google, on loopback, for tests: OAuth's token
// endpoint, IAM Service Account Credentials, Cloud KMS with the administrator's side of it. It
// refuses what Google refuses, in Google's words, and every field that it does not know.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/timestamp.h"
#include "crypto/random.h"
#include "crypto/wrap.h"
#include "net/test_server.h"

namespace keyhold::kms::gcp {

class TestGoogle {
 public:
  using Json = nlohmann::json;
  using Request = net::TestServer::Received;

  static constexpr const char* kRing = "projects/customer/locations/global/keyRings/keyhold";
  static constexpr const char* kAccount = "keyhold@customer.iam.gserviceaccount.com";
  static constexpr const char* kCluster = "cluster-1@operator.iam.gserviceaccount.com";
  static constexpr const char* kAdminToken = "ya29.admin";

  // What happens to the requests of one kind instead: a whole HTTP answer.
  std::map<std::string, std::string> instead;   // "token", "impersonate", "kms" → answer
  std::set<std::string> creators = {kCluster};  // who may make tokens of kAccount

  explicit TestGoogle(const Clock& clock) : clock_(&clock) {}

  [[nodiscard]] std::string url(const std::string& path = "") const { return server_.url(path); }
  [[nodiscard]] std::vector<Request> received() const { return server_.received(); }

  // A service account file of the cluster's.
  [[nodiscard]] std::string credential_file(const std::string& private_key) const {
    return Json{{"type", "service_account"},
                {"client_email", kCluster},
                {"private_key_id", "key-1"},
                {"private_key", private_key},
                {"token_uri", url("/token")}}
        .dump();
  }

  // All tokens end. Under with_lock.
  void forget_tokens() {
    own_.clear();
    customer_.clear();
  }
  void with_lock(const std::function<void()>& change) {
    const std::lock_guard lock(mutex_);
    change();
  }

 private:
  struct Version {
    std::string state = "ENABLED";
    std::optional<WallTime> destroy_time;
    std::unique_ptr<crypto::Key256> material;
  };
  struct Key {
    std::string purpose;
    std::uint32_t primary = 1;
    std::map<std::uint32_t, Version> versions;
  };

  static std::string ok(const Json& body) {
    return net::TestServer::reply(200, body.dump(), "Content-Type: application/json\r\n");
  }
  static std::string error(int code, const std::string& status, const std::string& message,
                           const Json& details = Json::array()) {
    Json body{{"code", code}, {"message", message}, {"status", status}};
    if (!details.empty()) body["details"] = details;
    return net::TestServer::reply(code, Json{{"error", body}}.dump());
  }
  static std::string bad(const std::string& message) {
    return error(400, "INVALID_ARGUMENT", message);
  }

  std::string answer(const Request& request) {
    const std::lock_guard lock(mutex_);
    const std::string& target = request.target;
    if (target == "/token") return answer_or("token", [&] { return give_token(request); });
    if (target.ends_with(":generateAccessToken")) {
      return answer_or("impersonate", [&] { return impersonate(request); });
    }
    if (target.starts_with("/v1/")) return answer_or("kms", [&] { return kms(request); });
    return net::TestServer::reply(404, "<html>no such page</html>");
  }
  template <typename Otherwise>
  std::string answer_or(const std::string& kind, Otherwise otherwise) {
    const auto found = instead.find(kind);
    return found == instead.end() ? otherwise() : found->second;
  }

  static std::string decoded(const std::string& part) {
    const auto bytes = from_base64url(part);
    return bytes ? std::string(as_text(*bytes)) : std::string();
  }

  std::string give_token(const Request& request) {
    const std::string prefix =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    const auto refused = [](const std::string& why) {
      return net::TestServer::reply(
          400, Json{{"error", "invalid_grant"}, {"error_description", why}}.dump());
    };
    if (!request.body.starts_with(prefix)) return refused("no assertion");
    const std::string assertion = request.body.substr(prefix.size());
    const std::size_t first = assertion.find('.');
    const std::size_t second = assertion.find('.', first + 1);
    if (second == std::string::npos) return refused("Invalid JWT: Failed audience check.");
    const Json header = Json::parse(decoded(assertion.substr(0, first)), nullptr, false);
    const Json claims =
        Json::parse(decoded(assertion.substr(first + 1, second - first - 1)), nullptr, false);
    if (decoded(assertion.substr(second + 1)).size() != 256 || header.value("alg", "") != "RS256") {
      return refused("Invalid JWT Signature.");
    }
    if (claims.value("aud", "") != "https://oauth2.googleapis.com/token") {
      return refused("Invalid JWT: audience");
    }
    if (claims.value("iss", "") != kCluster) return refused("Invalid grant: account not found");
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::seconds>(clock_->wall_now().time_since_epoch())
            .count();
    const std::int64_t issued = claims.value("iat", std::int64_t{0});
    if (issued < now - 300 || issued > now + 300 ||
        claims.value("exp", std::int64_t{0}) - issued > 3600) {
      return refused(
          "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
          "timeframe. Check your iat and exp values in the JWT claim.");
    }
    return ok({{"access_token", new_token(own_)}, {"expires_in", 3599}, {"token_type", "Bearer"}});
  }

  std::string new_token(std::set<std::string>& tokens) {
    const std::string token = "ya29." + std::to_string(++tokens_made_);
    tokens.insert(token);
    return token;
  }

  static std::string bearer_of(const Request& request) {
    const auto found = request.headers.find("authorization");
    const bool bearer = found != request.headers.end() && found->second.starts_with("Bearer ");
    return bearer ? found->second.substr(7) : std::string();
  }

  std::string impersonate(const Request& request) {
    if (!own_.contains(bearer_of(request))) {
      return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
    }
    const std::string path =
        "/v1/projects/-/serviceAccounts/" + std::string(kAccount) + ":generateAccessToken";
    const Json body = Json::parse(request.body, nullptr, false);
    if (!body.is_object() || !body.contains("scope")) return bad("scope is required");
    if (request.target != path || !creators.contains(kCluster)) {
      return error(403, "PERMISSION_DENIED",
                   "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may "
                   "not exist).",
                   Json::array({{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                                 {"reason", "IAM_PERMISSION_DENIED"},
                                 {"domain", "iam.googleapis.com"}}}));
    }
    return ok({{"accessToken", new_token(customer_)}, {"expireTime", "2099-01-01T00:00:00Z"}});
  }

  std::string kms(const Request& request) {
    const std::string token = bearer_of(request);
    const bool admin = token == kAdminToken;
    if (!admin && !customer_.contains(token)) {
      return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
    }
    std::string path = request.target.substr(4);
    const std::string query =
        path.find('?') == std::string::npos ? "" : path.substr(path.find('?') + 1);
    path.erase(std::min(path.size(), path.find('?')));
    const std::size_t colon = path.rfind(':');
    const std::string verb = colon == std::string::npos ? "" : path.substr(colon + 1);
    path.erase(std::min(path.size(), colon));
    const std::string keys = std::string(kRing) + "/cryptoKeys";
    const Json body =
        request.body.empty() ? Json::object() : Json::parse(request.body, nullptr, false);
    if (!body.is_object()) return bad("Invalid JSON payload received.");
    if (admin && path == keys && query.starts_with("cryptoKeyId=")) {
      return create(keys + "/" + query.substr(12), body);
    }
    return path.starts_with(keys + "/") ? on_key(request, path, verb, body)
                                        : error(404, "NOT_FOUND", path + " not found.");
  }

  std::string create(const std::string& name, const Json& body) {
    Key& key = keys_[name];
    if (!key.versions.empty()) return error(409, "ALREADY_EXISTS", name + " already exists.");
    key.purpose = body.value("purpose", "");
    add_version(key);
    return ok(to_json(name, key));
  }
  static void add_version(Key& key) {
    Version& version = key.versions[static_cast<std::uint32_t>(key.versions.size()) + 1];
    version.material =
        std::make_unique<crypto::Key256>(crypto::Key256::generate(crypto::system_random()).value());
  }

  static Json to_json(const std::string& key, std::uint32_t number, const Version& version) {
    Json json{{"name", key + "/cryptoKeyVersions/" + std::to_string(number)},
              {"state", version.state},
              {"algorithm", "GOOGLE_SYMMETRIC_ENCRYPTION"},
              {"protectionLevel", "SOFTWARE"}};
    if (version.destroy_time) json["destroyTime"] = format_timestamp(*version.destroy_time);
    return json;
  }
  static Json to_json(const std::string& name, const Key& key) {
    return {{"name", name},
            {"purpose", key.purpose},
            {"primary", to_json(name, key.primary, key.versions.at(key.primary))}};
  }

  void destroy_what_is_due(Key& key) const {
    for (auto& [number, version] : key.versions) {
      if (version.state == "DESTROY_SCHEDULED" && clock_->wall_now() >= *version.destroy_time) {
        version.state = "DESTROYED";
        version.material.reset();
      }
    }
  }

  std::string on_key(const Request& request, const std::string& path, const std::string& verb,
                     const Json& body) {
    const std::string separator = "/cryptoKeyVersions";
    const std::size_t at = path.find(separator);
    const std::string name = path.substr(0, at);
    const auto found = keys_.find(name);
    if (found == keys_.end()) {
      return error(404, "NOT_FOUND", "CryptoKey " + name + " not found.");
    }
    Key& key = found->second;
    destroy_what_is_due(key);
    if (verb == "decrypt") return at == std::string::npos ? decrypt(name, key, body) : bad("name");
    std::uint32_t number = key.primary;
    if (at != std::string::npos && path.size() > at + separator.size()) {
      number = static_cast<std::uint32_t>(std::stoul(path.substr(at + separator.size() + 1)));
    }
    if (!key.versions.contains(number)) return error(404, "NOT_FOUND", path + " not found.");
    if (verb == "encrypt") return encrypt(name, key, number, body);
    if (request.method == "GET") {
      return ok(at == std::string::npos ? to_json(name, key)
                                        : to_json(name, number, key.versions.at(number)));
    }
    if (bearer_of(request) != kAdminToken) return error(403, "PERMISSION_DENIED", "denied");
    return administer(name, key, number, path.ends_with(separator) ? "create" : verb, body);
  }

  std::string administer(const std::string& name, Key& key, std::uint32_t number,
                         const std::string& verb, const Json& body) {
    Version& version = key.versions.at(number);
    if (verb == "create") {
      add_version(key);
      return ok(to_json(name, static_cast<std::uint32_t>(key.versions.size()),
                        key.versions.rbegin()->second));
    }
    if (verb == "updatePrimaryVersion") {
      key.primary = static_cast<std::uint32_t>(std::stoul(body.value("cryptoKeyVersionId", "1")));
      return ok(to_json(name, key));
    }
    if (verb == "destroy") {
      version.state = "DESTROY_SCHEDULED";
      version.destroy_time = clock_->wall_now() + std::chrono::days(30);
    } else if (verb == "restore") {
      version.state = "DISABLED";
      version.destroy_time.reset();
    } else {
      version.state = body.value("state", "");
    }
    return ok(to_json(name, number, version));
  }

  // Empty where the version serves.
  static std::string not_enabled(const std::string& key, std::uint32_t number,
                                 const Version& version) {
    if (version.state == "ENABLED") return {};
    const std::string name = key + "/cryptoKeyVersions/" + std::to_string(number);
    return error(
        400, "FAILED_PRECONDITION",
        name + " is not enabled, current state is: " + version.state + ".",
        Json::array({{{"@type", "type.googleapis.com/google.rpc.PreconditionFailure"},
                      {"violations",
                       Json::array({{{"type", "KEY_" + version.state}, {"subject", name}}})}}}));
  }

  // The bytes of a field whose checksum comes with it; empty, with `why`, where they do not fit.
  static ByteVector checked(const Json& body, const std::string& field, std::string& why) {
    const auto bytes = from_base64(body.value(field, ""));
    if (!bytes || bytes->empty())
      why = "no " + field;
    else if (body.value(field + "Crc32c", "") != std::to_string(crc32c(*bytes))) {
      why = "The checksum in field " + field + "_crc32c did not match the data in field " + field;
    }
    return why.empty() ? *bytes : ByteVector();
  }

  std::string encrypt(const std::string& name, Key& key, std::uint32_t number, const Json& body) {
    std::string why;
    const ByteVector plaintext = checked(body, "plaintext", why);
    const ByteVector context = checked(body, "additionalAuthenticatedData", why);
    if (!why.empty() || body.size() != 4) return bad(why);
    if (key.purpose != "ENCRYPT_DECRYPT") return bad("purpose is " + key.purpose);
    const Version& version = key.versions.at(number);
    if (const std::string no = not_enabled(name, number, version); !no.empty()) return no;
    const auto secret = crypto::Key256::copy_of(plaintext, crypto::SecretAccess::grant());
    auto sealed =
        crypto::wrap_key(*version.material, *secret, context, crypto::system_random()).value();
    ByteVector ciphertext = {0x0a, static_cast<std::uint8_t>(number)};
    ciphertext.insert(ciphertext.end(), sealed.begin(), sealed.end());
    return ok({{"name", name + "/cryptoKeyVersions/" + std::to_string(number)},
               {"ciphertext", to_base64(ciphertext)},
               {"ciphertextCrc32c", std::to_string(crc32c(ciphertext))},
               {"verifiedPlaintextCrc32c", true},
               {"verifiedAdditionalAuthenticatedDataCrc32c", true},
               {"protectionLevel", "SOFTWARE"}});
  }

  std::string decrypt(const std::string& name, Key& key, const Json& body) {
    std::string why;
    const ByteVector ciphertext = checked(body, "ciphertext", why);
    const ByteVector context = checked(body, "additionalAuthenticatedData", why);
    if (!why.empty() || body.size() != 4) return bad(why);
    const std::string invalid = bad("Decryption failed: the ciphertext is invalid.");
    if (ciphertext.size() < 2 || !key.versions.contains(ciphertext[1])) return invalid;
    const std::uint32_t number = ciphertext[1];
    const Version& version = key.versions.at(number);
    if (const std::string no = not_enabled(name, number, version); !no.empty()) return no;
    const auto secret =
        crypto::unwrap_key(*version.material, ByteView(ciphertext).subspan(2), context);
    if (!secret) return invalid;
    const ByteView plaintext = secret->bytes(crypto::SecretAccess::grant());
    return ok({{"plaintext", to_base64(plaintext)},
               {"plaintextCrc32c", std::to_string(crc32c(plaintext))},
               {"usedPrimary", number == key.primary},
               {"protectionLevel", "SOFTWARE"}});
  }

  const Clock* clock_;
  std::mutex mutex_;
  std::map<std::string, Key> keys_;
  std::set<std::string> own_;
  std::set<std::string> customer_;
  int tokens_made_ = 0;
  net::TestServer server_{[this](const Request& request) { return answer(request); }};
};

}  // namespace keyhold::kms::gcp
