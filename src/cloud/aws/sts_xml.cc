#include "cloud/aws/sts_xml.h"

#include <pugixml.hpp>

#include "base/canonical_json.h"
#include "cloud/aws/arn.h"
#include "cloud/aws/times.h"

namespace keyhold::cloud::aws {
namespace {

constexpr std::size_t kMaxKeyIdBytes = 128;
constexpr std::size_t kMaxRequestIdBytes = 128;

// In the body's own memory, which is wiped: pugixml keeps no copy of a text.
bool parse(pugi::xml_document& document, WipedString& body) {
  return static_cast<bool>(document.load_buffer_inplace(
      body.data(), body.size(), pugi::parse_escapes | pugi::parse_eol, pugi::encoding_utf8));
}

std::string_view text_of(const pugi::xml_node& node, const char* name) {
  return node.child_value(name);
}

}  // namespace

Result<Credentials> parse_assumed_role(WipedString& body) {
  pugi::xml_document document;
  const auto unreadable = fail(Code::invalid_argument, "not an answer of AssumeRole");
  if (!parse(document, body)) return unreadable;
  for (const char* action : {"AssumeRole", "AssumeRoleWithWebIdentity"}) {
    const std::string name(action);
    const pugi::xml_node node = document.child((name + "Response").c_str())
                                    .child((name + "Result").c_str())
                                    .child("Credentials");
    if (!node) continue;
    Credentials credentials{
        .access_key_id = std::string(text_of(node, "AccessKeyId").substr(0, kMaxKeyIdBytes)),
        .secret_access_key = WipedString(text_of(node, "SecretAccessKey")),
        .session_token = WipedString(text_of(node, "SessionToken")),
        .expires_at = parse_iso_time(text_of(node, "Expiration"))};
    const bool whole = !credentials.access_key_id.empty() &&
                       !credentials.secret_access_key.empty() &&
                       !credentials.session_token.empty() && credentials.expires_at;
    if (!whole) return unreadable;
    return credentials;
  }
  return unreadable;
}

Result<std::string> parse_caller_identity(WipedString& body) {
  pugi::xml_document document;
  const bool read = parse(document, body);
  const auto arn = parse_arn(
      text_of(document.child("GetCallerIdentityResponse").child("GetCallerIdentityResult"), "Arn"));
  if (!read || !arn) return fail(Code::invalid_argument, "not an answer of GetCallerIdentity");
  return arn->text();
}

std::optional<StsError> parse_sts_error(WipedString& body) {
  pugi::xml_document document;
  if (!parse(document, body)) return std::nullopt;
  const pugi::xml_node response = document.child("ErrorResponse");
  const pugi::xml_node error = response.child("Error");
  StsError parsed{.code = printable(text_of(error, "Code"), 128),
                  .message = printable(text_of(error, "Message")),
                  .request_id = printable(text_of(response, "RequestId"), kMaxRequestIdBytes)};
  return parsed.code.empty() ? std::nullopt : std::optional(std::move(parsed));
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out = make_utf8(text.substr(0, limit));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return out;
}

}  // namespace keyhold::cloud::aws
