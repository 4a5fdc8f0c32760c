// Google's Application Default Credentials: who the cluster is, before it impersonates anyone.
// (Google Cloud: "How Application Default Credentials works"; AIP-4110, 4112 to 4117.) Parsing is
// sans-I/O; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/wiped_string.h"
#include "cloud/environment.h"

namespace keyhold::cloud::gcp {

struct ServiceAccount {
  std::string email;
  std::string key_id;
  WipedString private_key;  // PEM
  std::string token_url;
};

struct AuthorizedUser {
  std::string client_id;
  WipedString client_secret;
  WipedString refresh_token;
  std::string token_url;
};

struct SubjectHeader {
  std::string name;
  std::string value;
};

// Workload identity federation: a token of elsewhere, from a file or a URL.
struct ExternalAccount {
  std::string audience;
  std::string subject_token_type;
  std::string token_url;  // of the Security Token Service
  std::string file;       // one of the two
  std::string url;
  std::vector<SubjectHeader> url_headers;
  std::string json_field;         // where the source is JSON; empty: the whole is the token
  std::string impersonation_url;  // of generateAccessToken; empty: none
};

struct MetadataServer {
  std::string host;  // host[:port]
};

struct ImpersonatedAccount;
using Credential = std::variant<ServiceAccount, AuthorizedUser, ExternalAccount, MetadataServer,
                                std::shared_ptr<const ImpersonatedAccount>>;

struct ImpersonatedAccount {
  std::string impersonation_url;
  std::vector<std::string> delegates;
  Credential source;
};

// A credential file's content, its secrets taken out of it. Code::invalid_argument says what is
// missing, or that a type (an executable or AWS as the source of an external account) is not taken;
// no message holds any of the content. URLs are https, or http on loopback.
Result<Credential> parse_credential(WipedString& json);

// GOOGLE_APPLICATION_CREDENTIALS; else application_default_credentials.json under CLOUDSDK_CONFIG
// or
// ~/.config/gcloud; else the metadata server at GCE_METADATA_HOST or metadata.google.internal.
// Code::invalid_argument where the file named cannot be read or is not one.
Result<Credential> find_credential(const Environment& environment);

// What a message calls it: "service account NAME", "the metadata server", …
std::string name_of(const Credential& credential);

}  // namespace keyhold::cloud::gcp
