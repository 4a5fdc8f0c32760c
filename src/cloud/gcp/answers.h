// What Google answers to a request for an access token. Sans-I/O; thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/wiped_string.h"
#include "cloud/gcp/login_error.h"
#include "net/http_client.h"

namespace keyhold::cloud::gcp {

struct AccessToken {
  WipedString value;
  std::chrono::seconds lifetime{0};
};

// Of a token endpoint, the Security Token Service or the metadata server: {"access_token",
// "expires_in", "token_type": "Bearer"}; else the refusal that {"error", "error_description"}
// means. `from` names the credential in messages. Takes the token out of the response.
LoginResult<AccessToken> parse_oauth(net::HttpResponse& response, const std::string& from);

// The same of the metadata server, whose answers carry Metadata-Flavor: Google.
LoginResult<AccessToken> parse_metadata(net::HttpResponse& response, const std::string& from);

// Of generateAccessToken: {"accessToken", "expireTime"}. `asked` is the lifetime that was asked
// for.
LoginResult<AccessToken> parse_impersonation(net::HttpResponse& response,
                                             std::chrono::seconds asked);

// A subject token, as a file or URL holds it: the whole text without white space at its ends, or
// the string of a JSON field.
LoginResult<WipedString> parse_subject_token(WipedString content, const std::string& json_field);

}  // namespace keyhold::cloud::gcp
