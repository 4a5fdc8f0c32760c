// The requests for Google's access tokens, as bytes. Sans-I/O; thread-safe. Bodies are secrets.
// (RFC 7523 JWT bearer grant, RFC 6749 refresh, RFC 8693 token exchange; Compute Engine's metadata
// server; IAM Service Account Credentials API v1.)
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/wiped_string.h"
#include "cloud/gcp/credentials.h"
#include "net/http_client.h"

namespace keyhold::cloud::gcp {

inline constexpr std::string_view kCloudPlatformScope =
    "https://www.googleapis.com/auth/cloud-platform";

// A signed assertion for the JWT bearer grant, good for an hour from `now`. Code::invalid_argument
// where the private key is none.
Result<WipedString> signed_assertion(const ServiceAccount& account, std::string_view scope,
                                     WallTime now);

net::HttpRequest assertion_request(const ServiceAccount& account, const WipedString& assertion);
net::HttpRequest refresh_request(const AuthorizedUser& user);
net::HttpRequest metadata_request(const MetadataServer& server, std::string_view scope);
// GET of the subject token, where the account has a URL for it.
net::HttpRequest subject_request(const ExternalAccount& account);
net::HttpRequest exchange_request(const ExternalAccount& account, const WipedString& subject_token,
                                  std::string_view scope);

// POST …:generateAccessToken, asked with `token`. `delegates` is the chain before the target, as
// emails or resource names.
net::HttpRequest impersonation_request(const std::string& url, const WipedString& token,
                                       const std::vector<std::string>& delegates,
                                       std::string_view scope, std::chrono::seconds lifetime);

// The URL for a service account's email. `endpoint` empty: https://iamcredentials.googleapis.com.
std::string impersonation_url(std::string_view endpoint, std::string_view account);

}  // namespace keyhold::cloud::gcp
