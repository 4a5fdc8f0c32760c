// What Vault answers, and what a customer writes of it: URIs, principals, ciphertexts.
#include "kms/vault/messages/answers.h"
#include "kms/vault/messages/faults.h"
#include "kms/vault/principal.h"
#include "kms/vault/uri.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

using namespace kms::vault;

// A body, at each step, under each status that has rows of its own.
void judge(std::string_view body) {
  net::HttpResponse response;
  response.body = WipedString(body);
  const bool parsed = parse_refusal(body).parsed;
  for (const Step step : {Step::login, Step::read_key, Step::encrypt, Step::decrypt}) {
    for (const int status : {0, 307, 400, 403, 404, 405, 429, 472, 503}) {
      response.status = status;
      const kms::Error error = fault_of(step, response);
      require(error.message().size() < 2048, "a message is bounded");
      require(parsed || !kms::is_denial(error.fault()), "only a parsed answer is a denial");
      require(status < 429 || !kms::is_denial(error.fault()), "no outage is a denial");
    }
  }
}

void parse_names(std::string_view text) {
  const auto location = parse_uri(text);
  if (location) {
    const std::string parameter =
        location->vault_namespace.empty() ? "" : "?namespace=" + location->vault_namespace;
    require(
        location->origin + "/v1/" + location->mount + "/keys/" + location->name + parameter == text,
        "a URI comes back");
  }
  const auto login = parse_principal(text);
  require(!login || !login->mount.empty(), "a login has a mount");
}

}  // namespace

void run(ByteView input) {
  const std::string_view text = as_text(input);
  judge(text);
  parse_names(text);
  WipedString login(text);
  const auto token = parse_login(login);
  require(!token || !token->value.empty(), "a login gives a token");
  static_cast<void>(parse_key(text).has_value());
  const auto wrapped = parse_encrypt(text);
  require(!wrapped || parse_ciphertext(wrapped->ciphertext).has_value(),
          "what encrypt gave is a ciphertext");
  WipedString decrypted(text);
  static_cast<void>(parse_decrypt(decrypted).has_value());
  const auto ciphertext = parse_ciphertext(input);
  require(!ciphertext || ciphertext->version > 0, "a ciphertext has a version");
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (const std::string_view text :
       {R"({"errors":["1 error occurred:\n\t* permission denied\n\n"]})",
        R"({"errors":["encryption key not found"]})", R"({"errors":[]})",
        R"({"auth":{"client_token":"s.x","lease_duration":300,"token_type":"service"}})",
        R"({"request_id":"r","data":{"type":"aes256-gcm96","latest_version":2,"derived":false}})",
        R"({"request_id":"r","data":{"ciphertext":"vault:v1:)"
        R"(DhvhBQ3Hyc2Lf9v9FEngTTtuvYW3BkyQ9wDZV/2GsZ1tak/0Tw56CWEpaSU/8P9L6/Y+qXsECgtkvyyi"}})",
        R"({"data":{"plaintext":"5G9u/Oe5EQdlE04nkfNAMb258ZNGAQEFLqVIHFy0B50="}})",
        "https://vault.example.com:8200/v1/transit/keys/orders?namespace=eu",
        "approle:role?mount=a/b&secret_id_file=/s",
        "vault:v1:DhvhBQ3Hyc2Lf9v9FEngTTtuvYW3BkyQ9wDZV/2GsZ1tak/0Tw56CWEpaSU/8P9L6/Y+"
        "qXsECgtkvyyi"}) {
    const ByteView bytes = as_bytes(text);
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  return seeds;
}

}  // namespace keyhold::fuzz
