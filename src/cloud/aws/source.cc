#include "cloud/aws/source.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "cloud/aws/arn.h"
#include "cloud/aws/profile.h"
#include "net/http_client.h"

namespace keyhold::cloud::aws {
namespace {

constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr std::string_view kMetadata = "http://169.254.169.254";
constexpr std::string_view kMetadataIpv6 = "http://[fd00:ec2::254]";
// Where a token may be sent in plain HTTP to: it does not leave the machine.
constexpr std::array<std::string_view, 6> kPlainHosts = {
    "localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};

tl::unexpected<Error> bad(std::string message) {
  return fail(Code::invalid_argument, "AWS credentials: " + std::move(message));
}

std::string text_of(const Profile& profile, std::string_view name) {
  return std::string(setting(profile, name));
}

using Found = Result<std::optional<Source>>;

Found keys_of_environment(const Environment& environment) {
  const std::string id = environment.get_or("AWS_ACCESS_KEY_ID", "");
  if (id.empty()) return std::nullopt;
  auto secret = environment.get_secret("AWS_SECRET_ACCESS_KEY");
  if (!secret || secret->empty()) {
    return bad("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
  }
  Credentials credentials{
      .access_key_id = id,
      .secret_access_key = *std::move(secret),
      .session_token = environment.get_secret("AWS_SESSION_TOKEN").value_or(WipedString()),
      .expires_at = {}};
  return Source{
      .base = StaticKeys{.credentials = std::move(credentials), .from = "the environment"},
      .roles = {}};
}

Found web_identity_of(std::string token_file, std::string role_arn, std::string session_name,
                      const std::string& where) {
  if (token_file.empty()) return std::nullopt;
  const auto arn = parse_arn(role_arn);
  if (!arn || arn->service != "iam" || !arn->resource.starts_with("role/")) {
    return bad(where + " names a web identity token, and no role to assume with it");
  }
  return Source{.base = WebIdentity{.token_file = std::move(token_file),
                                    .role_arn = std::move(role_arn),
                                    .session_name = std::move(session_name)},
                .roles = {}};
}

Found container_of(const Environment& environment) {
  const std::string relative = environment.get_or("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "");
  const std::string full = environment.get_or("AWS_CONTAINER_CREDENTIALS_FULL_URI", "");
  if (relative.empty() && full.empty()) return std::nullopt;
  const std::string url = relative.empty() ? full : std::string(kContainerHost) + relative;
  const auto origin = net::parse_http_url(url);
  const bool good = origin && (relative.empty() || relative.front() == '/') &&
                    (origin->scheme == "https" ||
                     std::ranges::find(kPlainHosts, origin->host) != kPlainHosts.end());
  if (!good) {
    return bad("the container's credentials URI is not one of https, or of this machine: " + url);
  }
  return Source{
      .base = ContainerEndpoint{.url = url,
                                .token_file = environment.get_or(
                                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""),
                                .token = environment.get_secret("AWS_CONTAINER_AUTHORIZATION_TOKEN")
                                             .value_or(WipedString())},
      .roles = {}};
}

Result<Source> metadata_of(const Environment& environment) {
  if (environment.get_or("AWS_EC2_METADATA_DISABLED", "") == "true") {
    return bad(
        "there are none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
        "AWS_PROFILE, or run where a role is attached (AWS_EC2_METADATA_DISABLED is set)");
  }
  const bool ipv6 = environment.get_or("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "") == "IPv6";
  std::string endpoint =
      environment.get_or("AWS_EC2_METADATA_SERVICE_ENDPOINT", ipv6 ? kMetadataIpv6 : kMetadata);
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const auto origin = net::parse_http_url(endpoint);
  if (!origin) return bad("AWS_EC2_METADATA_SERVICE_ENDPOINT: " + origin.error().message());
  return Source{.base = InstanceMetadata{.endpoint = std::move(endpoint)}, .roles = {}};
}

class ProfileReader {
 public:
  explicit ProfileReader(const Environment& environment) : environment_(&environment) {}

  Status load() {
    const std::string folder = environment_->home_directory() + "/.aws/";
    KEYHOLD_TRY_ASSIGN(Profiles config,
                       load_file("AWS_CONFIG_FILE", folder + "config", ProfileFile::config));
    KEYHOLD_TRY_ASSIGN(
        const Profiles keys,
        load_file("AWS_SHARED_CREDENTIALS_FILE", folder + "credentials", ProfileFile::credentials));
    profiles_ = merge_profiles(std::move(config), keys);
    return {};
  }

  // The profile that is chosen, or "default" where there is one.
  Found find() {
    const std::string chosen = environment_->get_or("AWS_PROFILE", "");
    const std::string name = chosen.empty() ? "default" : chosen;
    if (profiles_.find(name) == profiles_.end()) {
      if (chosen.empty()) return std::nullopt;
      return bad("there is no profile " + name);
    }
    KEYHOLD_TRY_ASSIGN(std::optional<Source> source, resolve(name));
    if (!source && !chosen.empty()) return bad("profile " + name + " holds none");
    return source;
  }

 private:
  Result<Profiles> load_file(std::string_view variable, const std::string& otherwise,
                             ProfileFile kind) const {
    const std::string named = environment_->get_or(variable, "");
    const std::string& path = named.empty() ? otherwise : named;
    const auto content = environment_->read_file(path);
    if (!content && content.error().code() == Code::not_found) return Profiles{};
    if (!content) return fail(content.error());
    auto profiles = parse_profiles(*content, kind);
    if (!profiles) return fail(profiles.error().within(path));
    return profiles;
  }

  // NOLINTNEXTLINE(misc-no-recursion): no profile is entered twice
  Found resolve(const std::string& name) {
    const auto found = profiles_.find(name);
    if (found == profiles_.end()) return bad("there is no profile " + name);
    if (std::ranges::find(visited_, name) != visited_.end()) {
      return bad("profile " + name + " is its own source_profile");
    }
    visited_.push_back(name);
    const Profile& profile = found->second;
    if (!setting(profile, "role_arn").empty()) return with_role(name, profile);
    if (!setting(profile, "aws_access_key_id").empty()) return keys_of(name, profile);
    for (const std::string_view kind : {"sso_session", "sso_start_url", "credential_process"}) {
      if (!setting(profile, kind).empty()) {
        return bad("profile " + name + " uses " + std::string(kind) + ", which is not supported");
      }
    }
    return std::nullopt;
  }

  static Found keys_of(const std::string& name, const Profile& profile) {
    Credentials credentials{
        .access_key_id = text_of(profile, "aws_access_key_id"),
        .secret_access_key = WipedString(setting(profile, "aws_secret_access_key")),
        .session_token = WipedString(setting(profile, "aws_session_token")),
        .expires_at = {}};
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
      return bad("profile " + name + " needs aws_access_key_id and aws_secret_access_key");
    }
    return Source{
        .base = StaticKeys{.credentials = std::move(credentials), .from = "profile " + name},
        .roles = {}};
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Found with_role(const std::string& name, const Profile& profile) {
    if (!setting(profile, "mfa_serial").empty()) {
      return bad("profile " + name + " asks for MFA, which is not supported");
    }
    if (!setting(profile, "web_identity_token_file").empty()) {
      return web_identity_of(text_of(profile, "web_identity_token_file"),
                             text_of(profile, "role_arn"), text_of(profile, "role_session_name"),
                             "profile " + name);
    }
    KEYHOLD_TRY_ASSIGN(std::optional<Source> source, source_of_role(name, profile));
    if (!source) return bad("profile " + name + " takes a role from a source that has none");
    source->roles.push_back({.role_arn = text_of(profile, "role_arn"),
                             .external_id = text_of(profile, "external_id"),
                             .session_name = text_of(profile, "role_session_name")});
    return source;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  Found source_of_role(const std::string& name, const Profile& profile) {
    const std::string from = text_of(profile, "source_profile");
    const std::string kind = text_of(profile, "credential_source");
    if (from.empty() == kind.empty()) {
      return bad("profile " + name + " needs one of source_profile and credential_source");
    }
    if (from == name) return keys_of(name, profile);
    if (!from.empty()) return resolve(from);
    if (kind == "Environment") return keys_of_environment(*environment_);
    if (kind == "EcsContainer") return container_of(*environment_);
    if (kind == "Ec2InstanceMetadata") return metadata_of(*environment_);
    return bad("profile " + name +
               ": credential_source is Environment, EcsContainer or "
               "Ec2InstanceMetadata");
  }

  const Environment* environment_;
  Profiles profiles_;
  std::vector<std::string> visited_;
};

Found profile_of(const Environment& environment) {
  ProfileReader reader(environment);
  KEYHOLD_TRY(reader.load());
  return reader.find();
}

}  // namespace

Result<Source> find_source(const Environment& environment) {
  KEYHOLD_TRY_ASSIGN(std::optional<Source> found, keys_of_environment(environment));
  if (!found) {
    KEYHOLD_TRY_ASSIGN(
        found, web_identity_of(environment.get_or("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
                               environment.get_or("AWS_ROLE_ARN", ""),
                               environment.get_or("AWS_ROLE_SESSION_NAME", ""), "the environment"));
  }
  if (!found) {
    KEYHOLD_TRY_ASSIGN(found, profile_of(environment));
  }
  if (!found) {
    KEYHOLD_TRY_ASSIGN(found, container_of(environment));
  }
  if (found) return *std::move(found);
  return metadata_of(environment);
}

std::string name_of(const Source& source) {
  if (const auto* keys = std::get_if<StaticKeys>(&source.base)) return keys->from;
  if (const auto* web = std::get_if<WebIdentity>(&source.base)) {
    return "the web identity of " + web->role_arn;
  }
  if (std::holds_alternative<ContainerEndpoint>(source.base)) return "the container's endpoint";
  return "the instance metadata service";
}

}  // namespace keyhold::cloud::aws
