#include "kms/vault/principal.h"

#include <algorithm>
#include <array>

#include "kms/vault/uri.h"

namespace keyhold::kms::vault {
namespace {

constexpr std::size_t kMaxPrincipalBytes = 4096;
constexpr std::size_t kMaxCredentialBytes = 64U << 10U;
constexpr const char* kPodToken = "/var/run/secrets/kubernetes.io/serviceaccount/token";

struct MethodRow {
  Method method;
  std::string_view name;
  bool takes_argument;
  std::string_view file_setting;  // which names the credential's file
};
constexpr std::array kMethods = {
    MethodRow{Method::token, "token", false, "token_file"},
    MethodRow{Method::approle, "approle", true, "secret_id_file"},
    MethodRow{Method::kubernetes, "kubernetes", true, "jwt_file"},
    MethodRow{Method::jwt, "jwt", true, "jwt_file"},
    MethodRow{Method::cert, "cert", true, "cert_file"},
};

const MethodRow& row_of(Method method) {
  return kMethods.at(static_cast<std::size_t>(method));
}

tl::unexpected<keyhold::Error> refused(std::string_view text, const std::string& why) {
  return fail(
      Code::invalid_argument,
      "not a way to log in to Vault: \"" + std::string(text) + "\": " + why +
          "; one looks like token, approle:ROLE_ID?secret_id_file=/etc/keyhold/secret-id, "
          "kubernetes:ROLE, jwt:ROLE?jwt_file=FILE or cert:NAME?cert_file=FILE&key_file=FILE"
          " (and mount=PATH where the method has another mount than its own name)");
}

// Of printable ASCII that JSON takes as it is.
bool is_plain(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '"' || c == '\\') return false;
  }
  return !text.empty();
}

// One setting of the principal into its place; false where the method has none of that name.
bool set(Login& login, std::string_view name, std::string_view value) {
  if (name == "mount" && login.method != Method::token) {
    login.mount = value;
    return is_mount_path(value);
  }
  if (name == "namespace" && login.method != Method::token) {
    login.vault_namespace = value;
    return is_mount_path(value);
  }
  const bool absolute = value.starts_with('/');
  if (name == row_of(login.method).file_setting) {
    login.file = value;
    return absolute;
  }
  if (name == "key_file" && login.method == Method::cert) {
    login.key_file = value;
    return absolute;
  }
  return false;
}

tl::unexpected<Error> missing(const std::string& what) {
  return tl::unexpected(Error(Fault::configuration, "no credential for Vault: " + what));
}

WipedString trimmed(WipedString text) {
  constexpr const char* kSpace = " \t\r\n";
  text.erase(text.find_last_not_of(kSpace) + 1);
  text.erase(0, text.find_first_not_of(kSpace));
  return text;
}

Result<WipedString> checked(WipedString text, const std::string& place) {
  if (text.size() > kMaxCredentialBytes) return missing(place + " is too large");
  WipedString credential = trimmed(std::move(text));
  if (!is_plain(credential)) return missing(place + " holds none");
  return credential;
}

Result<WipedString> from_file(const std::string& path, const cloud::Environment& environment) {
  auto content = environment.read_file(path);
  if (!content) return missing(content.error().message());
  return checked(*std::move(content), path);
}

Result<WipedString> from_variable(const std::string& name, std::string_view setting,
                                  const cloud::Environment& environment) {
  auto value = environment.get_secret(name);
  if (value) return checked(*std::move(value), name);
  return missing("neither " + std::string(setting) + " nor " + name + " says it");
}

Result<WipedString> read_token(const cloud::Environment& environment) {
  if (environment.get("VAULT_TOKEN")) {
    return from_variable("VAULT_TOKEN", "token_file", environment);
  }
  return from_file(environment.home_directory() + "/.vault-token", environment);
}

}  // namespace

std::string_view method_name(Method method) {
  return row_of(method).name;
}

keyhold::Result<Login> parse_principal(std::string_view text) {
  if (text.size() > kMaxPrincipalBytes) return refused(text.substr(0, 64), "too long");
  if (text.empty()) text = "token";
  if (!is_plain(text)) return refused(text, "it has a character other than printable ASCII");
  const std::size_t mark = text.find('?');
  const std::string_view who = text.substr(0, mark);
  const std::size_t colon = who.find(':');
  const std::string_view name = who.substr(0, colon);
  Login login;
  const MethodRow* found = nullptr;
  for (const MethodRow& row : kMethods) {
    if (row.name == name) found = &row;
  }
  if (found == nullptr) return refused(text, "no such method");
  login.method = found->method;
  login.mount = found->name;
  if (colon != std::string_view::npos) login.argument = who.substr(colon + 1);
  if (found->takes_argument == login.argument.empty() ||
      (!found->takes_argument && colon != std::string_view::npos)) {
    return refused(text,
                   found->takes_argument ? "the role or name is missing" : "token takes none");
  }
  std::string_view settings =
      mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
  while (!settings.empty() || text.ends_with('?')) {
    const std::string_view setting = settings.substr(0, settings.find('&'));
    const std::size_t equals = setting.find('=');
    if (equals == std::string_view::npos ||
        !set(login, setting.substr(0, equals), setting.substr(equals + 1))) {
      return refused(text, "not a setting of " + std::string(name) + ", or not a value of it: \"" +
                               std::string(setting) + "\"");
    }
    settings.remove_prefix(std::min(settings.size(), setting.size() + 1));
  }
  if (login.method == Method::jwt && login.file.empty())
    return refused(text, "it needs a jwt_file");
  if (login.file.empty() != login.key_file.empty() && login.method == Method::cert) {
    return refused(text, "cert_file and key_file come together");
  }
  return login;
}

Login with_environment(Login login, const cloud::Environment& environment) {
  if (login.method == Method::kubernetes && login.file.empty()) login.file = kPodToken;
  if (login.method == Method::cert && login.file.empty()) {
    login.file = environment.get_or("VAULT_CLIENT_CERT", "");
    login.key_file = environment.get_or("VAULT_CLIENT_KEY", "");
  }
  return login;
}

Result<WipedString> read_credential(const Login& login, const cloud::Environment& environment) {
  if (login.method == Method::cert) {
    if (login.file.empty() || login.key_file.empty()) {
      return missing(
          "cert_file and key_file are not set, nor VAULT_CLIENT_CERT and VAULT_CLIENT_KEY");
    }
    return WipedString();
  }
  if (!login.file.empty()) return from_file(login.file, environment);
  if (login.method == Method::token) return read_token(environment);
  return from_variable("VAULT_SECRET_ID", "secret_id_file", environment);
}

}  // namespace keyhold::kms::vault
