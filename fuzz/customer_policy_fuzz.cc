// Policies of AWS, Google Cloud and Vault as customers write them: any document is judged or
// refused as a configuration fault, and a judgement says of each call what would become of it.
#include <string>
#include <string_view>

#include "cloud/vault/policy.h"
#include "kms/aws/grants.h"
#include "kms/gcp/grants.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

kms::aws::Parties aws_parties() {
  return {.roles = {{.role_arn = "arn:aws:iam::111122223333:role/keyhold",
                     .external_id = "acme",
                     .session_name = {}}},
          .own = "arn:aws:iam::444455556666:user/cluster",
          .key_arn = "arn:aws:kms:us-east-1:111122223333:key/1"};
}

kms::gcp::Parties gcp_parties() {
  return {.chain = {"keyhold@customer.iam.gserviceaccount.com"},
          .own = "cluster@operator.iam.gserviceaccount.com",
          .key = "projects/customer/locations/global/keyRings/r/cryptoKeys/k"};
}

void judged(const kms::Result<std::vector<kms::Foretold>>& rows) {
  if (!rows) {
    require(rows.error().fault() == kms::Fault::configuration,
            "a refusal is a configuration fault");
    return;
  }
  require(!rows->empty(), "a judgement has rows");
  for (const kms::Foretold& row : *rows) {
    const bool allowed = row.outcome == kms::Foretold::Outcome::allowed;
    require(!row.action.empty() && (allowed || !row.reason.empty()), "a row says why");
  }
}

}  // namespace

void run(ByteView input) {
  const std::string text(as_text(input));
  judged(kms::aws::foretell(text, aws_parties(), {}));
  judged(kms::gcp::foretell(text, gcp_parties()));
  const auto rules = cloud::vault::parse_policy(text);
  if (rules) static_cast<void>(cloud::vault::allows({*rules}, "transit/decrypt/orders", "update"));
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (
      const std::string_view text :
      {R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:role/keyhold"]},"Action":["kms:*"],"Resource":"*","Condition":{"StringEqualsIfExists":{"kms:EncryptionContext:org":["acme"]},"Bool":{"aws:SecureTransport":true}}}]})",
       R"({"Statement":{"Effect":"Deny","NotAction":"kms:Decrypt","NotResource":"arn:aws:kms:*"}})",
       R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"Null":{"sts:ExternalId":"false"}}}})",
       R"({"bindings":[{"role":"roles/cloudkms.viewer","members":["group:a@b","serviceAccount:keyhold@customer.iam.gserviceaccount.com"],"condition":{}}]})",
       R"({"bindings":[{"role":"roles/iam.serviceAccountTokenCreator","members":["allUsers"]}]})",
       R"({"path":{"transit/+/orders":{"capabilities":["update","deny"]}}})",
       "# ours\npath \"transit/de*\" { capabilities = [\"update\", \"read\",] }\n"}) {
    const ByteView bytes = as_bytes(text);
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  return seeds;
}

}  // namespace keyhold::fuzz
