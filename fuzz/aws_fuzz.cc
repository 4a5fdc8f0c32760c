// What AWS answers, the shared config files, and what a customer writes of it.
#include "base/timestamp.h"
#include "cloud/aws/answers.h"
#include "cloud/aws/profile.h"
#include "cloud/aws/times.h"
#include "kms/aws/messages/answers.h"
#include "kms/aws/messages/faults.h"
#include "kms/aws/principal.h"
#include "kms/aws/uri.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

using namespace kms::aws;
namespace aws = cloud::aws;

const WallTime kNow{std::chrono::hours(24 * 365 * 50)};

net::HttpResponse answer(int status, std::string_view body) {
  return {.status = status, .headers = {}, .body = WipedString(body)};
}

void judge(std::string_view body) {
  const bool parsed = parse_refusal(body).parsed;
  for (const int status : {204, 302, 400, 403, 404, 429, 503}) {
    const kms::Error error = fault_of("step", answer(status, body), kNow);
    require(error.message().size() < 4096, "a message is bounded");
    require(parsed || !kms::is_denial(error.fault()), "only a parsed answer is a denial");
    require(status < 500 || !kms::is_denial(error.fault()), "a broken service denies nothing");
    net::HttpResponse login = answer(status, body);
    const auto assumed = aws::parse_sts(login, "step", kNow);
    require(!assumed.has_value(), "no status but 200 gives credentials");
    require(assumed.error().message.size() < 4096, "a message is bounded");
  }
}

void parse_logins(std::string_view body) {
  net::HttpResponse response = answer(200, body);
  const auto assumed = aws::parse_sts(response, "step", kNow);
  require(!assumed || !assumed->session_token.empty(), "an assumed role has a session");
  response = answer(200, body);
  const auto near = aws::parse_endpoint_credentials(response, "it");
  require(!near || near->expires_at.has_value(), "an endpoint's credentials end");
  response = answer(200, body);
  static_cast<void>(aws::parse_metadata_role(response).has_value());
  static_cast<void>(aws::parse_metadata_token(response).has_value());
  static_cast<void>(aws::parse_http_date(body).has_value());
  const auto time = aws::parse_iso_time(body);
  require(!time || aws::parse_iso_time(format_timestamp(*time)) == time, "a time comes back");
}

void parse_answers(std::string_view body) {
  const auto encrypted = parse_encrypt(body);
  require(!encrypted || encrypted->ciphertext.size() <= kMaxCiphertextBytes, "a wrap is bounded");
  WipedString decrypted(body);
  static_cast<void>(parse_decrypt(decrypted).has_value());
  const auto key = parse_describe(body);
  require(!key || !key->state.empty(), "a key has a state");
}

void parse_names(std::string_view text) {
  const auto key = parse_uri(text);
  if (key) {
    require(text.starts_with(key->arn_in(key->arn.region)), "an ARN comes back");
    require(key->regions_from("us-east-1").size() == key->replicas.size() + 1, "all regions");
  }
  static_cast<void>(parse_endpoint(text).has_value());
  const auto roles = parse_principal(text, OrgId("org-1"));
  require(!roles || roles->empty() || roles->back().external_id == "org-1",
          "the last role is assumed with the organization's id");
}

void parse_files(std::string_view text) {
  for (const auto kind : {aws::ProfileFile::config, aws::ProfileFile::credentials}) {
    const auto profiles = aws::parse_profiles(text, kind);
    require(!profiles || profiles->size() <= text.size(), "a section takes a byte at least");
  }
}

}  // namespace

void run(ByteView input) {
  const std::string_view text = as_text(input);
  judge(text);
  parse_logins(text);
  parse_answers(text);
  parse_names(text);
  parse_files(text);
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (
      const std::string_view text :
      {R"({"__type":"com.amazonaws.kms#DisabledException","message":"arn:k is disabled."})",
       R"({"KeyId":"arn:k","CiphertextBlob":"AQID","EncryptionAlgorithm":"SYMMETRIC_DEFAULT"})",
       R"({"KeyId":"arn:k","Plaintext":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="})",
       R"({"KeyMetadata":{"Arn":"arn:k","KeyState":"Enabled","DeletionDate":1.5}})",
       R"({"Code":"Success","AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2026-03-01T10:30:00Z"})",
       "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>"
       "<SecretAccessKey>S&amp;</SecretAccessKey><SessionToken>T</SessionToken>"
       "<Expiration>2026-03-01T10:30:00Z</Expiration></Credentials></AssumeRoleResult>"
       "</AssumeRoleResponse>",
       "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
       "<RequestId>r</RequestId></ErrorResponse>",
       "arn:aws:kms:us-east-1:111122223333:key/mrk-1?replicas=eu-west-1,us-west-2",
       "arn:aws:kms:us-east-1:111122223333:alias/orders",
       "arn:aws:iam::1:role/a;external_id=x,arn:aws:iam::111122223333:role/b",
       "https://kms.{region}.example.com", "Sun, 01 Mar 2026 09:40:20 GMT",
       "2026-03-01T09:30:00.123Z",
       "[default]\nregion = r # c\n[profile a]\nrole_arn = x\ns3 =\n  b = c\n"}) {
    const ByteView bytes = as_bytes(text);
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  return seeds;
}

}  // namespace keyhold::fuzz
