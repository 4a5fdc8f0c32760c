// What Google answers, its credential files, and what a customer writes of it.
#include <algorithm>

#include "cloud/gcp/answers.h"
#include "cloud/gcp/credentials.h"
#include "cloud/gcp/rpc_status.h"
#include "cloud/gcp/token_source.h"
#include "kms/gcp/messages/answers.h"
#include "kms/gcp/messages/faults.h"
#include "kms/gcp/messages/wrapped.h"
#include "kms/gcp/uri.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

using namespace kms::gcp;
namespace gcp = cloud::gcp;

const KeyName kName{.key = "projects/p/locations/l/keyRings/r/cryptoKeys/k", .version = ""};

net::HttpResponse answer(int status, std::string_view body) {
  net::HttpResponse response;
  response.status = status;
  response.headers = {{.name = "metadata-flavor", .value = "Google"}};
  response.body = WipedString(body);
  return response;
}

void judge(std::string_view body) {
  for (const int status : {302, 400, 401, 403, 404, 429, 503}) {
    const net::HttpResponse response = answer(status, body);
    const bool parsed = gcp::parse_rpc_status(status, body).has_value();
    for (const Step step : {Step::describe, Step::encrypt, Step::decrypt}) {
      const kms::Error error = fault_of(step, response, "r").error;
      require(error.message().size() < 4096, "a message is bounded");
      require(parsed || !kms::is_denial(error.fault()), "only a parsed answer is a denial");
    }
    net::HttpResponse login = answer(status, body);
    const auto impersonated = gcp::parse_impersonation(login, std::chrono::seconds(1));
    require(!impersonated, "no status but 200 gives a token");
    require(parsed || impersonated.error().refusal != gcp::Refusal::denied,
            "only a parsed answer is a denial of the login");
    login = answer(status, body);
    require(!gcp::parse_oauth(login, "x"), "no status but 200 gives a token");
  }
}

void parse_tokens(std::string_view text) {
  net::HttpResponse response = answer(200, text);
  const auto oauth = gcp::parse_metadata(response, "x");
  require(!oauth || !oauth->value.empty(), "a login gives a token");
  response = answer(200, text);
  static_cast<void>(gcp::parse_impersonation(response, std::chrono::seconds(1)).has_value());
  static_cast<void>(gcp::parse_subject_token(WipedString(text), "").has_value());
  static_cast<void>(gcp::parse_subject_token(WipedString(text), "token").has_value());
  WipedString file(text);
  const auto credential = gcp::parse_credential(file);
  require(!credential || !gcp::name_of(*credential).empty(), "a credential has a name");
}

void parse_wraps(ByteView input) {
  const auto wrapped = parse_wrapped(input);
  if (wrapped) {
    require(std::ranges::equal(serialize_wrapped(*wrapped), input), "a wrap comes back");
  }
  const std::string_view text = as_text(input);
  const auto encrypted = parse_encrypt(kName, text);
  require(!encrypted || parse_wrapped(encrypted->ciphertext).has_value(),
          "what encrypt gave is a wrap");
  WipedString decrypted(text);
  static_cast<void>(parse_decrypt(decrypted).has_value());
}

void parse_names(std::string_view text) {
  const auto name = parse_uri(text);
  if (name) {
    const std::string version = name->version.empty() ? "" : "/cryptoKeyVersions/" + name->version;
    require(name->key + version == text, "a name comes back");
  }
  static_cast<void>(gcp::parse_principals(text).has_value());
  static_cast<void>(parse_time(text).has_value());
}

}  // namespace

void run(ByteView input) {
  const std::string_view text = as_text(input);
  judge(text);
  parse_tokens(text);
  parse_wraps(input);
  parse_names(text);
  static_cast<void>(parse_describe(kName, text).has_value());
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  const auto add = [&](ByteView bytes) { seeds.emplace_back(bytes.begin(), bytes.end()); };
  for (const std::string_view text :
       {R"({"error":{"code":400,"status":"FAILED_PRECONDITION","message":"m","details":[{"@type":)"
        R"("type.googleapis.com/google.rpc.PreconditionFailure","violations":[{"type":)"
        R"("KEY_DISABLED"}]}]}})",
        R"({"error":{"code":403,"status":"PERMISSION_DENIED","message":"m","details":[{"@type":)"
        R"("type.googleapis.com/google.rpc.ErrorInfo","reason":"SECURITY_POLICY_VIOLATED"}]}})",
        R"({"error":"invalid_grant","error_description":"Invalid grant: account not found"})",
        R"({"access_token":"t","expires_in":3599,"token_type":"Bearer"})",
        R"({"accessToken":"t","expireTime":"2026-01-01T00:00:00Z"})",
        R"({"name":"projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",)"
        R"("ciphertext":"AAAA","ciphertextCrc32c":"1614084231","verifiedPlaintextCrc32c":true,)"
        R"("verifiedAdditionalAuthenticatedDataCrc32c":true})",
        R"({"plaintext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",)"
        R"("plaintextCrc32c":"2324772522"})",
        R"({"name":"projects/p/locations/l/keyRings/r/cryptoKeys/k","purpose":"ENCRYPT_DECRYPT",)"
        R"("primary":{"name":"projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",)"
        R"("state":"ENABLED","destroyTime":"2026-03-01T09:30:00.123Z"}})",
        R"({"type":"service_account","client_email":"a@p","private_key":"k\n"})",
        R"({"type":"impersonated_service_account","service_account_impersonation_url":"https://x",)"
        R"("source_credentials":{"type":"authorized_user","client_id":"i","client_secret":"s",)"
        R"("refresh_token":"r"}})",
        R"({"type":"external_account","audience":"a","subject_token_type":"t","token_url":)"
        R"("https://x","credential_source":{"file":"/f","format":{"type":"json",)"
        R"("subject_token_field_name":"t"}}})",
        "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", "a@p,b@q",
        "2026-03-01T09:30:00.123456789Z"}) {
    add(as_bytes(text));
  }
  add(serialize_wrapped({.version = 1, .ciphertext = ByteVector(80, 0x5a)}));
  return seeds;
}

}  // namespace keyhold::fuzz
