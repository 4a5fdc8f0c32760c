// The taxonomy: a row here for each of docs/kms/vault.md. Texts are those of OpenBao 2.7.2 and of
// HashiCorp Vault.
#include "kms/vault/messages/faults.h"

#include <string>

#include <gtest/gtest.h>

namespace keyhold::kms::vault {
namespace {

Fault judged(Step step, int status, const std::string& body) {
  net::HttpResponse response;
  response.status = status;
  response.body = WipedString(body);
  const Error error = fault_of(step, response);
  EXPECT_FALSE(error.message().empty());
  EXPECT_LT(error.message().size(), 600U);
  return error.fault();
}

std::string said(const std::string& text) {
  return R"({"errors":[")" + text + R"("]})";
}

struct Row {
  Step step;
  int status;
  std::string body;
  Fault fault;
};

void expect_all(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(judged(row.step, row.status, row.body), row.fault) << row.status << " " << row.body;
  }
}

const std::string kDenied = said(R"(1 error occurred:\n\t* permission denied\n\n)");

TEST(VaultFaults, DenialsAreParsedAnswers) {
  expect_all({
      {Step::decrypt, 403, kDenied, Fault::denied},
      {Step::encrypt, 403, kDenied, Fault::denied},
      {Step::read_key, 403, said("permission denied"), Fault::denied},
      {Step::decrypt, 400, said("encryption key not found"), Fault::not_found},
      {Step::read_key, 404, R"({"errors":[]})", Fault::not_found},
      {Step::read_key, 404, said("no handler for route \\\"transit/keys/x\\\""), Fault::not_found},
      {Step::decrypt, 404, said("namespace not found"), Fault::not_found},
      {Step::decrypt, 400, said("refusing to use soft-deleted key"), Fault::disabled},
      {Step::encrypt, 400, said("refusing to use soft-deleted key"), Fault::disabled},
      {Step::decrypt, 400,
       said("ciphertext or signature version is disallowed by policy (too old)"), Fault::disabled},
  });
}

TEST(VaultFaults, LoginsThatAreRefusedAreDenials) {
  for (const char* text :
       {"invalid role or secret ID", "invalid role ID", "invalid secret id",
        "source address \\\"10.0.0.1\\\" unauthorized by CIDR restrictions on the role",
        "invalid role name \\\"keyhold\\\"", "role \\\"keyhold\\\" could not be found",
        "service account name not authorized", "namespace not authorized",
        ("error validating claims: claim \\\"sub\\\" does not match any associated bound claim "
         "values"),
        "error validating token: invalid audience (aud) claim: audience claim does not match",
        "error validating token: invalid subject (sub) claim: subject does not match",
        "no chain matching all constraints could be found for this login certificate",
        "failed to match all constraints for this login certificate",
        "invalid certificate or no client certificate supplied"}) {
    EXPECT_EQ(judged(Step::login, 400, said(text)), Fault::denied) << text;
  }
  expect_all({{Step::login, 403, said("permission denied"), Fault::denied},
              {Step::login, 404, said("no handler for route"), Fault::denied}});
}

TEST(VaultFaults, OwnCredentialsThatAreOutOfDateOrMissingAreNoDenials) {
  expect_all({
      {Step::login, 400, said("error validating token: token is expired"), Fault::unavailable},
      {Step::login, 400, said("x509: certificate has expired or is not yet valid"),
       Fault::unavailable},
      {Step::login, 400, said("validation failed, token not valid yet (nbf)"), Fault::unavailable},
      {Step::login, 400, said("missing secret_id"), Fault::configuration},
      {Step::login, 400, said("no client certificate found"), Fault::configuration},
      {Step::login, 400, said("could not load configuration"), Fault::configuration},
      {Step::login, 405, said("unsupported operation"), Fault::configuration},
      {Step::decrypt, 400, said("missing client token"), Fault::configuration},
  });
}

TEST(VaultFaults, OutagesAndThrottling) {
  expect_all({
      {Step::decrypt, 503, said("Vault is sealed"), Fault::unavailable},
      {Step::login, 503, said("Vault is sealed"), Fault::unavailable},
      {Step::decrypt, 500, said("internal error"), Fault::unavailable},
      {Step::login, 500, said("permission denied"), Fault::unavailable},
      {Step::decrypt, 502, "<html>Bad Gateway</html>", Fault::unavailable},
      {Step::decrypt, 307, "", Fault::unavailable},
      {Step::decrypt, 412, said("required index state not present"), Fault::unavailable},
      {Step::decrypt, 472, "", Fault::unavailable},
      {Step::decrypt, 473, "", Fault::unavailable},
      {Step::decrypt, 400, said("invalid ciphertext: version is too new"), Fault::unavailable},
      {Step::decrypt, 429, said("rate limit quota exceeded"), Fault::throttled},
      {Step::login, 429, "", Fault::throttled},
  });
}

TEST(VaultFaults, WrongCiphertextContextOrKeyIsMalformed) {
  for (const char* text : {"cipher: message authentication failed", "invalid ciphertext length",
                           "invalid ciphertext: unable to decrypt", "invalid ciphertext: no prefix",
                           "invalid ciphertext: could not decode base64"}) {
    EXPECT_EQ(judged(Step::decrypt, 400, said(text)), Fault::malformed) << text;
  }
}

TEST(VaultFaults, UnknownRefusalOfAParsedAnswerIsNoDenial) {
  expect_all({
      {Step::decrypt, 403, said("IP address not allowed"), Fault::ambiguous},
      {Step::login, 403, said("IP address not allowed"), Fault::ambiguous},
      {Step::encrypt, 400, said("missing 'context' for key derivation"), Fault::configuration},
      {Step::decrypt, 405, said("unsupported operation"), Fault::configuration},
  });
}

// A proxy, a login page, a truncated answer.
TEST(VaultFaults, WhatIsNotVaultsAnswerIsAnOutageWhateverItsStatus) {
  for (const std::string& body :
       {std::string(), std::string("<html>403 Forbidden: permission denied</html>"),
        std::string("{}"), std::string("[]"), std::string("null"), std::string(R"({"errors":{}})"),
        std::string(R"({"errors":"permission denied"})"), std::string(R"({"errors":[1]})"),
        kDenied.substr(0, kDenied.size() - 1), std::string(R"({"error":"permission denied"})")}) {
    for (const Step step : {Step::login, Step::read_key, Step::encrypt, Step::decrypt}) {
      for (const int status : {400, 403, 404, 405}) {
        EXPECT_EQ(judged(step, status, body), Fault::unavailable) << status << " " << body;
      }
    }
  }
}

TEST(VaultFaults, MessageIsBoundedAndPrintable) {
  net::HttpResponse response;
  response.status = 400;
  response.body = WipedString(said(std::string(5000, 'x') + R"(\u0007\n)"));
  EXPECT_LT(fault_of(Step::decrypt, response).message().size(), 600U);
  response.body = WipedString(said("bell\\u0007\\nline"));
  const std::string message = fault_of(Step::decrypt, response).message();
  EXPECT_NE(message.find("bell  line"), std::string::npos) << message;
}

}  // namespace
}  // namespace keyhold::kms::vault
