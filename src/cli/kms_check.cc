#include <fmt/core.h>

#include "cli/kms_flags.h"
#include "cli/kms_key_commands.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "crypto/random.h"
#include "io/file_system.h"
#include "kms/check.h"

namespace keyhold::cli {
namespace {

constexpr std::size_t kMaxPolicyBytes = 64U << 10U;

struct Arguments {
  KmsFlags kms;
  std::string org;
  std::string cluster = "default";
  std::string region = "default";
  std::string policy;
};

std::string_view name_of(kms::CheckStep::Outcome outcome) {
  switch (outcome) {
    case kms::CheckStep::Outcome::passed:
      return "passed";
    case kms::CheckStep::Outcome::failed:
      return "failed";
    case kms::CheckStep::Outcome::skipped:
      return "skipped";
  }
  return "";
}

std::string_view name_of(kms::Foretold::Outcome outcome) {
  switch (outcome) {
    case kms::Foretold::Outcome::allowed:
      return "allowed";
    case kms::Foretold::Outcome::depends:
      return "depends";
    case kms::Foretold::Outcome::refused:
      return "refused";
  }
  return "";
}

Json to_json(const kms::CheckReport& report) {
  Json steps = Json::array();
  for (const kms::CheckStep& step : report.steps) {
    steps.add(Json::object()
                  .set("name", step.name)
                  .set("outcome", name_of(step.outcome))
                  .set("detail", step.detail));
  }
  Json warnings = Json::array();
  for (const std::string& warning : report.warnings) warnings.add(warning);
  Json missing = Json::array();
  for (const kms::Grant& grant : report.missing) {
    missing.add(Json::object().set("place", grant.place).set("text", grant.text));
  }
  return Json::object().set("steps", steps).set("warnings", warnings).set("missing", missing);
}

std::string to_text(const kms::CheckReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const kms::CheckStep& step : report.steps) {
    rows.push_back({"  " + std::string(name_of(step.outcome)), step.name, printable(step.detail)});
  }
  std::string text = text_table(rows);
  for (const std::string& warning : report.warnings) {
    text += "\nwarning: " + printable(warning) + "\n";
  }
  if (!report.missing.empty()) text += "\nGrant this, as far as it is missing.\n";
  for (const kms::Grant& grant : report.missing) {
    text += "\nFor " + printable(grant.place) + ":\n\n" + printable_lines(grant.text);
  }
  return text;
}

Status check(Session& session, kms::Client& client, const kms::WrapContext& context) {
  const std::chrono::nanoseconds patience(session.settings.kms_deadline);
  const auto report =
      kms::check_key(client, context, system_clock(), crypto::system_random(), patience);
  KEYHOLD_TRY(session.output.result(to_json(report),
                                    fmt::format("{} {}\n\n", kms::key_type_name(client.spec().type),
                                                printable(client.spec().uri.str())) +
                                        to_text(report)));
  if (!report.failure) return {};
  return fail(report.failure->to_error());
}

Result<std::string> read_policy(const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const ByteVector bytes,
                     io::read_file(io::posix_file_system(), path, kMaxPolicyBytes));
  return std::string(as_text(bytes));
}

Status foretell(Session& session, kms::Client& client, const kms::WrapContext& context,
                const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const std::string policy, read_policy(path));
  const std::chrono::nanoseconds patience(session.settings.kms_deadline);
  const auto foretold = client.foretell(policy, context, Deadline::after(system_clock(), patience));
  if (!foretold) return fail(foretold.error().to_error());
  Json rows = Json::array();
  std::vector<std::vector<std::string>> table = {{"ACTION", "WOULD BE", "KEYHOLD", "WHY"}};
  bool enough = true;
  for (const kms::Foretold& row : *foretold) {
    const bool allowed = row.outcome != kms::Foretold::Outcome::refused;
    enough = enough && (allowed || !row.needed);
    rows.add(Json::object()
                 .set("action", row.action)
                 .set("outcome", name_of(row.outcome))
                 .set("needed", row.needed)
                 .set("reason", row.reason));
    const char* const use = row.needed ? "needs it" : allowed ? "should not have it" : "";
    table.push_back({row.action, std::string(name_of(row.outcome)), use, printable(row.reason)});
  }
  KEYHOLD_TRY(session.output.result(Json::object().set("foretold", rows), text_table(table)));
  if (enough) return {};
  return fail(Code::denied, "under this policy Keyhold could not use the key");
}

Status run(Session& session, const Arguments& given) {
  KEYHOLD_TRY_ASSIGN(const auto spec, given.kms.to_spec());
  kms::WrapContext context;
  // A role of AWS's is assumed with the organization's id: no default would be anybody's.
  const bool is_role = spec.type == kms::KeyType::aws_kms && !spec.auth_principal.empty();
  context.org = OrgId(given.org.empty() && !is_role ? "default" : given.org);
  context.cluster = ClusterId(given.cluster);
  context.region = RegionName(given.region);
  context.key_id = crypto::random_id<KeyId>(crypto::system_random());
  context.version = 1;
  const auto client =
      kms::make_client(spec, kms::caller_of(context), system_clock(), crypto::system_random());
  if (!client) return fail(client.error().to_error());
  if (!given.policy.empty()) return foretell(session, **client, context, given.policy);
  return check(session, **client, context);
}

}  // namespace

Command kms_check_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "check";
  command.summary = "Walk every step to a CMEK, and say which grant is missing";
  command.paragraphs = {
      "The steps: credentials, the login as the principal, describe, wrap, unwrap, unwrap with "
      "another context (which the KMS has to refuse), and a probe with credentials made for it. "
      "A random key is wrapped that nobody keeps; nothing is changed. Where a step is denied, the "
      "policy to paste is printed. It warns of a key that is pending deletion, expires, or can be "
      "deleted at once.",
      "With --policy nothing is asked of the KMS: it says what a proposed policy would allow. AWS: "
      "a key policy, an IAM policy of the role, or the role's trust policy. Google Cloud: an allow "
      "policy of the key or of the service account, as gcloud's get-iam-policy writes it in JSON. "
      "Vault: a policy in HCL or JSON."};
  command.arguments = given->kms.arguments(true);
  command.arguments.push_back(
      text("--org", "NAME", given->org,
           "the organization; a role of AWS's needs it (default \"default\")"));
  command.arguments.push_back(
      text("--cluster", "NAME", given->cluster, "its cluster (default \"default\")"));
  command.arguments.push_back(
      text("--region", "NAME", given->region, "its region (default \"default\")"));
  command.arguments.push_back(
      path("--policy", "FILE", given->policy, "say what this policy would do, change nothing"));
  command.examples = {{"keyhold kms check --kms-uri local:///srv/customer-kms/orders", ""},
                      {"keyhold kms check --kms-type AWS_KMS "
                       "--kms-uri arn:aws:kms:us-east-1:111122223333:alias/orders "
                       "--auth-principal arn:aws:iam::111122223333:role/keyhold --org acme",
                       "the organization's id is the external id"}};
  command.json = {{"steps[].name", "as printed"},
                  {"steps[].outcome", "passed, failed or skipped"},
                  {"steps[].detail", "what was found; of a failure what the KMS says"},
                  {"warnings[]", "a sentence each"},
                  {"missing[].place", "where a grant is missing"},
                  {"missing[].text", "what to paste there"},
                  {"foretold[].action", "with --policy: what Keyhold would ask for"},
                  {"foretold[].outcome", "allowed, depends or refused"},
                  {"foretold[].needed", "whether Keyhold needs it"},
                  {"foretold[].reason", "why, or on what it depends"}};
  command.exit_statuses = {3, 4, 5, 6};
  command.run = [given](Session& session) { return run(session, *given); };
  return command;
}

}  // namespace keyhold::cli
