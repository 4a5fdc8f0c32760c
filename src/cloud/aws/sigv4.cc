#include "cloud/aws/sigv4.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/timestamp.h"
#include "cloud/secret_header.h"
#include "crypto/hmac.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"

namespace keyhold::cloud::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// A '%' that begins no escape stands for itself.
std::string uri_decode(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escape = text[at] == '%' && at + 2 < text.size() && hex_value(text[at + 1]) >= 0 &&
                        hex_value(text[at + 2]) >= 0;
    if (!escape) {
      out += text[at];
      continue;
    }
    out += static_cast<char>(hex_value(text[at + 1]) * 16 + hex_value(text[at + 2]));
    at += 2;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// RFC 3986 section 5.2.4; empty segments go too.
std::string normalized(std::string_view path) {
  std::vector<std::string_view> kept;
  const auto segments = split(path, '/');
  for (const std::string_view segment : segments) {
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!segment.empty() && segment != "." && segment != "..") kept.push_back(segment);
  }
  std::string out;
  for (const std::string_view segment : kept) out += "/" + std::string(segment);
  const bool folder = segments.back().empty() || segments.back() == "." || segments.back() == "..";
  return kept.empty() || folder ? out + "/" : out;
}

std::string canonical_path(std::string_view sent, const SigningStyle& style) {
  const std::string path = style.normalize_path ? normalized(sent) : std::string(sent);
  std::string out;
  for (const std::string_view segment : split(path, '/')) {
    out += uri_encode(style.encode_path_twice ? std::string(segment) : uri_decode(segment)) + "/";
  }
  out.pop_back();
  return out.empty() ? "/" : out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    pairs.emplace_back(uri_encode(uri_decode(part.substr(0, equals))),
                       uri_encode(uri_decode(value)));
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

// Without white space at its ends, and one space for each run of it.
WipedString trimmed(std::string_view value) {
  WipedString out;
  bool space = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      space = true;
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    out += c;
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

// By lower-case name; the values of one that is there several times, in their order.
std::map<std::string, WipedString> canonical_headers(std::span<const net::HttpHeader> headers) {
  std::map<std::string, WipedString> canonical;
  for (const net::HttpHeader& header : headers) {
    const auto [place, is_new] = canonical.try_emplace(lower(header.name));
    if (!is_new) place->second += ',';
    place->second += trimmed(header.value);
  }
  return canonical;
}

std::string signed_headers(std::span<const net::HttpHeader> headers) {
  std::string names;
  for (const auto& [name, value] : canonical_headers(headers)) {
    names += (names.empty() ? "" : ";") + name;
  }
  return names;
}

std::string hash_of(std::string_view text) {
  return to_hex(crypto::sha256(as_bytes(text)));
}

std::string scope_text(const SigningScope& scope) {
  return amz_date(scope.at).substr(0, 8) + "/" + scope.region + "/" + scope.service +
         "/aws4_request";
}

struct UrlParts {
  std::string host;  // with its port, unless that is the scheme's own: as it is sent
  std::string path;
  std::string query;
};

UrlParts parts_of(std::string_view url) {
  const std::size_t start = url.find("://") + 3;
  const bool tls = lower(url.substr(0, start)) == "https://";
  const std::size_t path = std::min(url.find_first_of("/?#", start), url.size());
  const std::size_t fragment = std::min(url.find('#', path), url.size());
  const std::size_t query = std::min(url.find('?', path), fragment);
  UrlParts parts{.host = std::string(url.substr(start, path - start)),
                 .path = std::string(url.substr(path, query - path)),
                 .query = ""};
  if (query < fragment) parts.query = std::string(url.substr(query + 1, fragment - query - 1));
  if (parts.path.empty()) parts.path = "/";
  const std::string_view port = tls ? ":443" : ":80";
  if (parts.host.ends_with(port)) parts.host.resize(parts.host.size() - port.size());
  return parts;
}

}  // namespace

WipedString canonical_request(const RequestToSign& request, const SigningStyle& style) {
  WipedString text;
  const auto line = [&](std::string_view part) { text.append(part).append("\n"); };
  line(request.method);
  line(canonical_path(request.path, style));
  line(canonical_query(request.query));
  for (const auto& [name, value] : canonical_headers(request.headers)) {
    text.append(name).append(":").append(value).append("\n");
  }
  line("");
  line(signed_headers(request.headers));
  text.append(hash_of(request.body));
  return text;
}

std::string string_to_sign(std::string_view canonical_request, const SigningScope& scope) {
  return std::string(kAlgorithm) + "\n" + amz_date(scope.at) + "\n" + scope_text(scope) + "\n" +
         hash_of(canonical_request);
}

std::string signature(std::string_view string_to_sign, const WipedString& secret_access_key,
                      const SigningScope& scope) {
  const WipedString seed = "AWS4" + secret_access_key;
  const std::string date = amz_date(scope.at).substr(0, 8);
  crypto::Mac key = crypto::hmac_sha256_of(as_bytes(seed), as_bytes(date));
  for (const std::string_view step :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request"), string_to_sign}) {
    crypto::Mac next = crypto::hmac_sha256_of(key, as_bytes(step));
    key = next;
    crypto::wipe(next);
  }
  return to_hex(key);
}

void sign(net::HttpRequest& request, const Credentials& credentials, const SigningScope& scope,
          const SigningStyle& style) {
  UrlParts parts = parts_of(request.url);
  request.headers.push_back({"Host", parts.host});
  request.headers.push_back({"X-Amz-Date", amz_date(scope.at)});
  const bool has_token = !credentials.session_token.empty();
  const auto add_token = [&] {
    add_secret_header(request, "X-Amz-Security-Token", "", credentials.session_token);
  };
  if (has_token && style.sign_session_token) add_token();
  if (style.send_body_hash) {
    request.headers.push_back({"X-Amz-Content-SHA256", hash_of(request.body)});
  }
  const RequestToSign to_sign{.method = request.method,
                              .path = std::move(parts.path),
                              .query = std::move(parts.query),
                              .headers = request.headers,
                              .body = request.body};
  std::string authorization = std::string(kAlgorithm) + " Credential=" + credentials.access_key_id +
                              "/" + scope_text(scope) +
                              ", SignedHeaders=" + signed_headers(to_sign.headers) + ", Signature=";
  authorization += signature(string_to_sign(canonical_request(to_sign, style), scope),
                             credentials.secret_access_key, scope);
  request.headers.push_back({"Authorization", std::move(authorization)});
  if (has_token && !style.sign_session_token) add_token();
}

std::string uri_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kUpperHex[byte >> 4U], kUpperHex[byte & 15U]};
  }
  return out;
}

std::string amz_date(WallTime time) {
  std::string text = format_timestamp(time).substr(0, 19);
  std::erase(text, '-');
  std::erase(text, ':');
  return text + "Z";
}

}  // namespace keyhold::cloud::aws
