#include "devcloud/aws/signature.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/bytes.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/hmac.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "devcloud/text.h"

namespace keyhold::devcloud::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::chrono::minutes kSkew{5};
constexpr std::string_view kMismatch =
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.";

AwsError either(Protocol protocol, AwsError json, AwsError query) {
  return protocol == Protocol::json ? std::move(json) : std::move(query);
}

AwsError incomplete(Protocol protocol, const std::string& message) {
  return either(protocol, {"IncompleteSignatureException", message, 400},
                {"IncompleteSignature", message, 400});
}

// "Credential=…, SignedHeaders=…, Signature=…" as names and values.
std::map<std::string, std::string> parts_of(std::string_view text) {
  std::map<std::string, std::string> parts;
  for (const std::string& part : split(text, ',')) {
    const std::string_view trimmed = trim(part);
    const std::size_t equals = trimmed.find('=');
    if (equals == trimmed.npos) continue;
    parts.emplace(trimmed.substr(0, equals), trimmed.substr(equals + 1));
  }
  return parts;
}

std::string collapse_spaces(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

std::string header_values(const net::HttpCall& call, const std::string& name) {
  std::string values;
  bool first = true;
  for (const net::HttpHeader& header : call.headers) {
    if (header.name != name) continue;
    values += (first ? "" : ",") + collapse_spaces(header.value);
    first = false;
  }
  return values;
}

std::string canonical_query(const std::string& query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    pairs.emplace_back(uri_encode(uri_decode(part.substr(0, equals))),
                       uri_encode(uri_decode(value)));
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [name, value] : pairs) {
    out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
  }
  return out;
}

// RFC 3986, section 5.2.4, empty parts left out too: what stands between the slashes.
std::vector<std::string> normal_parts(const std::string& path) {
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(std::move(part));
  }
  return parts;
}

// Every service but S3 normalises the path, and encodes it once more.
std::string canonical_path(const std::string& path) {
  std::string out;
  for (const std::string& part : normal_parts(path)) out.append("/").append(uri_encode(part));
  return out.empty() || path.ends_with('/') ? out + "/" : out;
}

std::string hash_of(std::string_view text) {
  return to_hex(crypto::sha256(as_bytes(text)));
}

std::string canonical_request(const net::HttpCall& call, const Authorization& authorization) {
  std::string text =
      call.method + "\n" + canonical_path(call.path) + "\n" + canonical_query(call.query) + "\n";
  std::string names;
  for (const std::string& name : authorization.signed_headers) {
    text += name + ":" + header_values(call, name) + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  return text + "\n" + names + "\n" + hash_of(call.body);
}

std::string scope_of(const Authorization& authorization) {
  return authorization.date + "/" + authorization.region + "/" + authorization.service +
         "/aws4_request";
}

std::string signature_of(const Authorization& authorization, std::string_view secret,
                         const std::string& string_to_sign) {
  const std::string seed = "AWS4" + std::string(secret);
  crypto::Mac key = crypto::hmac_sha256_of(as_bytes(seed), as_bytes(authorization.date));
  for (const std::string& step :
       {authorization.region, authorization.service, std::string("aws4_request"), string_to_sign}) {
    key = crypto::hmac_sha256_of(key, as_bytes(step));
  }
  return to_hex(key);
}

// "20260301T093000Z" as format_timestamp would write it.
std::optional<WallTime> parse_amz_date(const std::string& text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  return parse_timestamp(text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 2) +
                         "T" + text.substr(9, 2) + ":" + text.substr(11, 2) + ":" +
                         text.substr(13, 2) + ".000Z");
}

}  // namespace

AwsError missing_token(Protocol protocol) {
  return either(protocol,
                {"MissingAuthenticationTokenException", "Missing Authentication Token", 400},
                {"MissingAuthenticationToken", "Request is missing Authentication Token", 403});
}
AwsError unknown_client(Protocol protocol) {
  const std::string message = "The security token included in the request is invalid.";
  return either(protocol, {"UnrecognizedClientException", message, 400},
                {"InvalidClientTokenId", message, 403});
}
AwsError expired_token(Protocol protocol) {
  const std::string message = "The security token included in the request is expired";
  return either(protocol, {"ExpiredTokenException", message, 400}, {"ExpiredToken", message, 403});
}
AwsError bad_signature(Protocol protocol, const std::string& message) {
  return either(protocol, {"InvalidSignatureException", message, 400},
                {"SignatureDoesNotMatch", message, 403});
}

Answer<Authorization> parse_authorization(const net::HttpCall& call, Protocol protocol) {
  const std::string* const header = call.header("authorization");
  if (header == nullptr) return tl::unexpected(missing_token(protocol));
  if (!header->starts_with(std::string(kAlgorithm) + " ")) {
    return tl::unexpected(incomplete(protocol, "Unsupported AWS 'algorithm' in Authorization."));
  }
  auto parts = parts_of(std::string_view(*header).substr(kAlgorithm.size()));
  for (const char* name : {"Credential", "SignedHeaders", "Signature"}) {
    if (parts[name].empty()) {
      return tl::unexpected(incomplete(
          protocol, "Authorization header requires '" + std::string(name) + "' parameter."));
    }
  }
  const auto scope = split(parts["Credential"], '/');
  if (scope.size() != 5 || scope[4] != "aws4_request") {
    return tl::unexpected(
        incomplete(protocol, "Credential must have exactly 5 slash-delimited elements."));
  }
  return Authorization{
      scope[0],          scope[1], scope[2], scope[3], split(parts["SignedHeaders"], ';'),
      parts["Signature"]};
}

Answer<void> check_time(const net::HttpCall& call, const Authorization& authorization, WallTime now,
                        Protocol protocol) {
  const std::string* const header = call.header("x-amz-date");
  const auto signed_at = header == nullptr ? std::nullopt : parse_amz_date(*header);
  if (!signed_at) {
    return tl::unexpected(incomplete(protocol,
                                     "Authorization header requires existence of either "
                                     "a 'X-Amz-Date' or a 'Date' header."));
  }
  if (header->substr(0, 8) != authorization.date) {
    return tl::unexpected(bad_signature(
        protocol,
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
        "from HTTP"));
  }
  if (*signed_at < now - kSkew) {
    return tl::unexpected(
        bad_signature(protocol, "Signature expired: " + *header + " is now earlier than " +
                                    amz_date(now - kSkew) + " (" + amz_date(now) + " - 5 min.)"));
  }
  if (*signed_at > now + kSkew) {
    return tl::unexpected(
        bad_signature(protocol, "Signature not yet current: " + *header + " is still later than " +
                                    amz_date(now + kSkew) + " (" + amz_date(now) + " + 5 min.)"));
  }
  return {};
}

Answer<void> check_signature(const net::HttpCall& call, const Authorization& authorization,
                             std::string_view secret, Protocol protocol) {
  const auto& names = authorization.signed_headers;
  const auto is_signed = [&](const std::string& name) {
    return std::ranges::find(names, name) != names.end();
  };
  for (const net::HttpHeader& header : call.headers) {
    if ((header.name == "host" || header.name.starts_with("x-amz-")) && !is_signed(header.name)) {
      return tl::unexpected(bad_signature(
          protocol, "'" + header.name + "' must be a 'SignedHeader' in the AWS Authorization."));
    }
  }
  const std::string string_to_sign =
      std::string(kAlgorithm) + "\n" + header_values(call, "x-amz-date") + "\n" +
      scope_of(authorization) + "\n" + hash_of(canonical_request(call, authorization));
  const std::string wanted = signature_of(authorization, secret, string_to_sign);
  if (!crypto::equal_constant_time(as_bytes(wanted), as_bytes(authorization.signature))) {
    return tl::unexpected(bad_signature(protocol, std::string(kMismatch)));
  }
  return {};
}

std::string amz_date(WallTime time) {
  std::string text = format_timestamp(time).substr(0, 19);
  std::erase(text, '-');
  std::erase(text, ':');
  return text + "Z";
}

}  // namespace keyhold::devcloud::aws
