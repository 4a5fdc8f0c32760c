#include "devcloud/aws/wire.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "devcloud/text.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr const char* kNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";

bool is_logged(std::string_view name) {
  constexpr std::array<std::string_view, 6> kLeftOut = {
      "Plaintext",   "CiphertextBlob",   "EncryptedKeyMaterial",
      "ImportToken", "WebIdentityToken", "Action"};
  return std::ranges::find(kLeftOut, name) == kLeftOut.end();
}

}  // namespace

std::string make_request_id(crypto::Random& random) {
  ByteVector bytes(16);
  random.fill(bytes);
  const std::string hex = to_hex(bytes);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

net::HttpAnswer kms_answer(const Answer<json>& outcome, const std::string& request_id) {
  net::HttpAnswer answer;
  answer.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                    {"x-amzn-RequestId", request_id}};
  if (outcome) {
    // An operation that gives nothing has an empty body.
    if (!outcome->empty()) answer.body = outcome->dump();
    return answer;
  }
  answer.status = outcome.error().status;
  json body = {{"__type", outcome.error().code}};
  if (!outcome.error().message.empty()) body["message"] = outcome.error().message;
  answer.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return answer;
}

net::HttpAnswer sts_answer(const Answer<std::string>& outcome, const std::string& action,
                           const std::string& request_id) {
  net::HttpAnswer answer;
  answer.headers = {{"Content-Type", "text/xml"}, {"x-amzn-RequestId", request_id}};
  if (outcome) {
    answer.body = "<" + action + "Response xmlns=\"" + kNamespace + "\"><" + action + "Result>" +
                  *outcome + "</" + action + "Result><ResponseMetadata><RequestId>" + request_id +
                  "</RequestId></ResponseMetadata></" + action + "Response>";
    return answer;
  }
  const AwsError& error = outcome.error();
  answer.status = error.status;
  answer.body = "<ErrorResponse xmlns=\"" + std::string(kNamespace) + "\"><Error><Type>" +
                (error.status < 500 ? "Sender" : "Receiver") + "</Type><Code>" +
                xml_escape(error.code) + "</Code><Message>" + xml_escape(error.message) +
                "</Message></Error><RequestId>" + request_id + "</RequestId></ErrorResponse>";
  return answer;
}

json logged_parameters(const json& input) {
  json out = json::object();
  for (const auto& [name, value] : input.items()) {
    if (is_logged(name)) out[name] = value;
  }
  return out;
}

json logged_parameters(const std::map<std::string, std::string>& form) {
  json out = json::object();
  for (const auto& [name, value] : form) {
    if (is_logged(name)) out[name] = value;
  }
  return out;
}

}  // namespace keyhold::devcloud::aws
