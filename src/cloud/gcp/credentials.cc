#include "cloud/gcp/credentials.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/json_member.h"
#include "cloud/gcp/rpc_status.h"
#include "net/http_client.h"

namespace keyhold::cloud::gcp {
namespace {

using Json = nlohmann::json;

constexpr const char* kTokenUrl = "https://oauth2.googleapis.com/token";
constexpr const char* kMetadataHost = "metadata.google.internal";
constexpr std::size_t kMaxHeaders = 16;
constexpr std::size_t kMaxDelegates = 8;
constexpr std::array<std::string_view, 3> kLoopback = {"127.0.0.1", "localhost", "[::1]"};

tl::unexpected<Error> bad(const std::string& why) {
  return fail(Code::invalid_argument, "not a Google credential: " + why);
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& object_of(const Json& object, const char* name) {
  static const Json kNone = Json::object();
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : kNone;
}

Status check_url(const std::string& url, const char* what) {
  const auto origin = net::parse_http_url(url);
  if (!origin) return bad(std::string(what) + ": " + origin.error().message());
  if (origin->scheme == "http" && std::ranges::find(kLoopback, origin->host) == kLoopback.end()) {
    return bad(std::string(what) + " is not an https URL");
  }
  return {};
}

std::string or_default(std::string text, const char* otherwise) {
  return text.empty() ? otherwise : std::move(text);
}

Result<Credential> parse_service_account(const Json& json, WipedString private_key) {
  ServiceAccount account{.email = text_of(json, "client_email"),
                         .key_id = text_of(json, "private_key_id"),
                         .private_key = std::move(private_key),
                         .token_url = or_default(text_of(json, "token_uri"), kTokenUrl)};
  if (account.email.empty()) return bad("no client_email");
  if (account.private_key.empty()) return bad("no private_key");
  KEYHOLD_TRY(check_url(account.token_url, "token_uri"));
  return account;
}

Result<Credential> parse_user(const Json& json, WipedString client_secret,
                              WipedString refresh_token) {
  AuthorizedUser user{.client_id = text_of(json, "client_id"),
                      .client_secret = std::move(client_secret),
                      .refresh_token = std::move(refresh_token),
                      .token_url = or_default(text_of(json, "token_uri"), kTokenUrl)};
  if (user.client_id.empty()) return bad("no client_id");
  if (user.client_secret.empty()) return bad("no client_secret");
  if (user.refresh_token.empty()) return bad("no refresh_token");
  KEYHOLD_TRY(check_url(user.token_url, "token_uri"));
  return user;
}

Result<std::vector<SubjectHeader>> parse_headers(const Json& source) {
  std::vector<SubjectHeader> headers;
  for (const auto& [name, value] : object_of(source, "headers").items()) {
    if (!value.is_string() || headers.size() == kMaxHeaders)
      return bad("credential_source.headers");
    headers.push_back({.name = name, .value = value.get<std::string>()});
  }
  return headers;
}

Result<Credential> parse_external(const Json& json) {
  const Json& source = object_of(json, "credential_source");
  const Json& format = object_of(source, "format");
  KEYHOLD_TRY_ASSIGN(auto headers, parse_headers(source));
  ExternalAccount account{.audience = text_of(json, "audience"),
                          .subject_token_type = text_of(json, "subject_token_type"),
                          .token_url = text_of(json, "token_url"),
                          .file = text_of(source, "file"),
                          .url = text_of(source, "url"),
                          .url_headers = std::move(headers),
                          .json_field = {},
                          .impersonation_url = text_of(json, "service_account_impersonation_url")};
  if (account.audience.empty() || account.subject_token_type.empty()) {
    return bad("no audience or subject_token_type");
  }
  if (account.file.empty() == account.url.empty()) {
    return bad(
        "credential_source has to be one file or one url (an executable or AWS is not taken)");
  }
  if (text_of(format, "type") == "json") {
    account.json_field = text_of(format, "subject_token_field_name");
    if (account.json_field.empty()) return bad("no subject_token_field_name");
  }
  KEYHOLD_TRY(check_url(account.token_url, "token_url"));
  if (!account.url.empty()) KEYHOLD_TRY(check_url(account.url, "credential_source.url"));
  if (!account.impersonation_url.empty()) {
    KEYHOLD_TRY(check_url(account.impersonation_url, "service_account_impersonation_url"));
  }
  return account;
}

struct Secrets {
  WipedString private_key;
  WipedString client_secret;
  WipedString refresh_token;
};

Result<Credential> parse_simple(const Json& json, Secrets secrets) {
  const std::string type = text_of(json, "type");
  if (type == "service_account") return parse_service_account(json, std::move(secrets.private_key));
  if (type == "authorized_user") {
    return parse_user(json, std::move(secrets.client_secret), std::move(secrets.refresh_token));
  }
  if (type == "external_account") return parse_external(json);
  return bad("its type \"" + printable(type) +
             "\" is none of service_account, authorized_user, external_account, "
             "impersonated_service_account");
}

Result<Credential> parse_impersonated(const Json& json, Secrets secrets) {
  ImpersonatedAccount account;
  account.impersonation_url = text_of(json, "service_account_impersonation_url");
  KEYHOLD_TRY(check_url(account.impersonation_url, "service_account_impersonation_url"));
  const auto delegates = json.find("delegates");
  if (delegates != json.end() && delegates->is_array()) {
    for (const Json& delegate : *delegates) {
      if (!delegate.is_string() || account.delegates.size() == kMaxDelegates) {
        return bad("delegates");
      }
      account.delegates.push_back(delegate.get<std::string>());
    }
  }
  KEYHOLD_TRY_ASSIGN(account.source,
                     parse_simple(object_of(json, "source_credentials"), std::move(secrets)));
  return std::make_shared<const ImpersonatedAccount>(std::move(account));
}

Result<Credential> parse_content(WipedString& content, const std::string& path) {
  auto credential = parse_credential(content);
  if (!credential) return fail(credential.error().within(path));
  return credential;
}

}  // namespace

Result<Credential> parse_credential(WipedString& json) {
  Secrets secrets;
  // Each is missing from most types; the parser of the type says so where it needs it.
  const auto take = [&](const char* name) {
    return take_json_string(json, name).value_or(WipedString());
  };
  secrets.private_key = take("private_key");
  secrets.client_secret = take("client_secret");
  secrets.refresh_token = take("refresh_token");
  const Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object()) return bad("not JSON");
  if (text_of(parsed, "type") == "impersonated_service_account") {
    return parse_impersonated(parsed, std::move(secrets));
  }
  return parse_simple(parsed, std::move(secrets));
}

Result<Credential> find_credential(const Environment& environment) {
  const std::string named = environment.get_or("GOOGLE_APPLICATION_CREDENTIALS", "");
  if (!named.empty()) {
    auto content = environment.read_file(named);
    if (!content) return bad(content.error().message());
    return parse_content(*content, named);
  }
  const std::string file =
      environment.get_or("CLOUDSDK_CONFIG", environment.home_directory() + "/.config/gcloud") +
      "/application_default_credentials.json";
  auto content = environment.read_file(file);
  if (content) return parse_content(*content, file);
  if (content.error().code() != Code::not_found) return bad(content.error().message());
  MetadataServer server{.host = environment.get_or("GCE_METADATA_HOST", kMetadataHost)};
  KEYHOLD_TRY(net::parse_http_url("http://" + server.host + "/"));
  return server;
}

std::string name_of(const Credential& credential) {
  struct Names {
    std::string operator()(const ServiceAccount& account) const {
      return "service account " + account.email;
    }
    std::string operator()(const AuthorizedUser& user) const { return "user " + user.client_id; }
    std::string operator()(const ExternalAccount& account) const {
      return "external account " + account.audience;
    }
    std::string operator()(const MetadataServer& server) const {
      return "the metadata server " + server.host;
    }
    std::string operator()(const std::shared_ptr<const ImpersonatedAccount>& account) const {
      return "an account impersonated by " + name_of(account->source);
    }
  };
  return std::visit(Names(), credential);
}

}  // namespace keyhold::cloud::gcp
