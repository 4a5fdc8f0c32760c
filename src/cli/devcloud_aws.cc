#include "cli/devcloud_commands.h"

namespace keyhold::cli {
namespace {

using Kind = AdminParameter::Kind;

constexpr const char* kGroup = "devcloud aws";

AdminParameter account() {
  return {"--account", "ID", "account", "the account, twelve digits"};
}
AdminParameter role() {
  return {"ROLE", "ARN", "role", "the role's ARN"};
}
AdminParameter policy_file() {
  return {"--policy", "FILE", "policy", "an IAM policy for it, JSON", Kind::document, false};
}

std::vector<JsonField> key_pair_fields() {
  return {{"access_key_id", "AWS_ACCESS_KEY_ID"}, {"secret_access_key", "AWS_SECRET_ACCESS_KEY"}};
}
std::vector<JsonField> arn_fields() {
  return {{"arn", "its ARN"}, {"id", "its unique id"}};
}

std::string session_exports(const std::string& json) {
  return members_as_exports(json, {{"AWS_ACCESS_KEY_ID", "access_key_id"},
                                   {"AWS_SECRET_ACCESS_KEY", "secret_access_key"},
                                   {"AWS_SESSION_TOKEN", "session_token"}});
}

AdminCommand setup() {
  return {
      "setup",
      "Make all that a Keyhold cluster needs: two accounts, its principal, the role and the key",
      {{"--org", "ORG", "org", "the organization's id, the external id of the role's trust"},
       {"--name", "NAME", "name", "name of user, role and key (default: keyhold)", Kind::text,
        false},
       {"--region", "REGION", "region", "the key's region (default: us-east-1)", Kind::text, false},
       {"--replica", "REGION", "replicas", "make a multi-Region key with a replica there",
        Kind::texts, false}},
      {{"key_uri", "--kms-uri"},
       {"auth_principal", "--auth-principal"},
       {"external_id", "what the role's trust asks for: the organization's id"},
       {"region", "AWS_REGION"},
       {"customer_account", "account of key and role"},
       {"operator_account", "account of the cluster's principal"},
       {"access_key_id", "AWS_ACCESS_KEY_ID of the cluster's principal"},
       {"secret_access_key", "AWS_SECRET_ACCESS_KEY"}},
      "--org acme",
      "aws/setup",
      {},
      [](const std::string& json) {
        return members_as_exports(json, {{"AWS_ACCESS_KEY_ID", "access_key_id"},
                                         {"AWS_SECRET_ACCESS_KEY", "secret_access_key"},
                                         {"AWS_REGION", "region"},
                                         {"KEYHOLD_DEV_AWS_KEY_URI", "key_uri"},
                                         {"KEYHOLD_DEV_AWS_PRINCIPAL", "auth_principal"}});
      },
      {"The customer's role can be assumed by the cluster's own principal alone, and only with "
       "ORG as external id; the key's policy lets that role wrap, unwrap and describe."}};
}

std::vector<AdminCommand> principals() {
  return {
      {"create-account",
       "Make an account with access keys of its root",
       {{"NAME", "NAME", "name", "its name"},
        {"--id", "ID", "id", "twelve digits (default: random)", Kind::text, false}},
       {{"account", "twelve digits"},
        {"arn", "its root"},
        {"access_key_id", "AWS_ACCESS_KEY_ID of its root"},
        {"secret_access_key", "AWS_SECRET_ACCESS_KEY"}},
       "customer",
       "aws/create-account",
       {},
       {},
       {}},
      {"create-user",
       "Make an IAM user",
       {account(), {"NAME", "NAME", "name", "its name"}, policy_file()},
       arn_fields(),
       "--account 111122223333 alice",
       "aws/create-user",
       {},
       {},
       {}},
      {"create-access-key",
       "Give a user, or an account's root, an access key",
       {{"PRINCIPAL", "ARN", "principal", "the user's or root's ARN"}},
       key_pair_fields(),
       "arn:aws:iam::111122223333:user/alice",
       "aws/create-access-key",
       {},
       {},
       {}},
      {"disable-access-key",
       "Refuse an access key from now on",
       {{"ID", "ID", "access_key_id", "its AKIA… id"}},
       {},
       "AKIAEXAMPLE",
       "aws/set-access-key",
       {{"/active", "false"}},
       {},
       {}},
      {"enable-access-key",
       "Accept a disabled access key again",
       {{"ID", "ID", "access_key_id", "its AKIA… id"}},
       {},
       "AKIAEXAMPLE",
       "aws/set-access-key",
       {{"/active", "true"}},
       {},
       {}},
  };
}

std::vector<AdminCommand> roles() {
  return {
      {"create-role",
       "Make an IAM role",
       {account(),
        {"NAME", "NAME", "name", "its name"},
        {"--trust", "FILE", "trust", "its trust policy, JSON", Kind::document},
        policy_file(),
        {"--max-session", "SECONDS", "max_session_seconds",
         "longest session, 3600 to 43200 (default: 3600)", Kind::number, false}},
       arn_fields(),
       "--account 111122223333 --trust trust.json keyhold",
       "aws/create-role",
       {},
       {},
       {}},
      {"put-trust",
       "Replace a role's trust policy: who may assume it",
       {role(), {"FILE", "FILE", "trust", "the document, JSON", Kind::document}},
       {},
       "arn:aws:iam::111122223333:role/keyhold trust.json",
       "aws/put-trust",
       {},
       {},
       {}},
      {"put-policy",
       "Put an IAM policy on a user or role",
       {{"PRINCIPAL", "ARN", "principal", "the user's or role's ARN"},
        {"NAME", "NAME", "name", "the policy's name"},
        {"FILE", "FILE", "document", "the document, JSON", Kind::document}},
       {},
       "arn:aws:iam::111122223333:role/keyhold use policy.json",
       "aws/put-policy",
       {},
       {},
       {}},
      {"delete-policy",
       "Take an IAM policy off a user or role",
       {{"PRINCIPAL", "ARN", "principal", "the user's or role's ARN"},
        {"NAME", "NAME", "name", "the policy's name"}},
       {},
       "arn:aws:iam::111122223333:role/keyhold use",
       "aws/delete-policy",
       {},
       {},
       {}},
      {"delete-role",
       "Delete a role; its sessions may do nothing from now on",
       {role()},
       {},
       "arn:aws:iam::111122223333:role/keyhold",
       "aws/delete-role",
       {},
       {},
       {}},
  };
}

std::vector<AdminCommand> sessions() {
  return {
      {"instance-role",
       "Hand out a role's credentials on the metadata port",
       {role(),
        {"--region", "REGION", "region", "the instance's region (default: us-east-1)", Kind::text,
         false}},
       {},
       "arn:aws:iam::111122223333:role/node",
       "aws/set-instance-role",
       {},
       {},
       {}},
      {"issue-session",
       "Give out a role's session of any lifetime, without asking its trust policy",
       {role(),
        {"--name", "NAME", "name", "the session's name (default: session)", Kind::text, false},
        {"--seconds", "SECONDS", "seconds", "its lifetime", Kind::number}},
       {{"access_key_id", "AWS_ACCESS_KEY_ID"},
        {"secret_access_key", "AWS_SECRET_ACCESS_KEY"},
        {"session_token", "AWS_SESSION_TOKEN"},
        {"expires", "when it ends"}},
       "arn:aws:iam::111122223333:role/keyhold --seconds 5",
       "aws/issue-session",
       {},
       session_exports,
       {}},
      {"web-identity-token",
       "Give out a token of an identity provider, for AssumeRoleWithWebIdentity",
       {{"--issuer", "HOST", "issuer", "the provider's host name"},
        {"--subject", "SUBJECT", "subject", "whom it names"},
        {"--audience", "AUDIENCE", "audience", "whom it is for"},
        {"--seconds", "SECONDS", "seconds", "its lifetime", Kind::number}},
       {{"token", "a JWT"}},
       "--issuer oidc.example.com --subject node-1 --audience sts.amazonaws.com --seconds 3600",
       "aws/web-identity-token",
       {},
       {},
       {}},
  };
}

AdminCommand key_change(const std::string& name, const std::string& summary,
                        const std::string& operation) {
  return {name,
          summary,
          {{"KEY", "ARN", "key", "the key's ARN"}},
          {{"KeyId", "the key, where the operation names it"}},
          "arn:aws:kms:us-east-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef",
          "aws/key",
          {{"/operation", "\"" + operation + "\""}},
          {},
          {}};
}

std::vector<AdminCommand> keys() {
  AdminCommand deletion =
      key_change("key-schedule-deletion", "Deny a key now and destroy it after a while",
                 "ScheduleKeyDeletion");
  deletion.parameters.push_back({"--days", "DAYS", "input/PendingWindowInDays",
                                 "after this many days, 7 to 30 (default: 30)", Kind::number,
                                 false});
  AdminCommand policy = key_change("key-put-policy", "Replace a key's policy", "PutKeyPolicy");
  policy.parameters.push_back(
      {"FILE", "FILE", "input/Policy", "the document, JSON", Kind::document});
  policy.example += " policy.json";
  return {
      {"key-create",
       "Make a key with the default policy: the account's IAM policies decide",
       {account(),
        {"--region", "REGION", "region", "its region"},
        {"--multi-region", "", "input/MultiRegion", "make it a multi-Region primary", Kind::yes,
         false},
        {"--policy", "FILE", "input/Policy", "its key policy, JSON", Kind::document, false}},
       {{"KeyMetadata.Arn", "the key's ARN, and all that DescribeKey tells"}},
       "--account 111122223333 --region us-east-1",
       "aws/kms",
       {{"/operation", "\"CreateKey\""}},
       {},
       {}},
      key_change("key-disable", "Take a key away: every use is refused from now on", "DisableKey"),
      key_change("key-enable", "Give a disabled key back", "EnableKey"),
      deletion,
      key_change("key-cancel-deletion", "Call a deletion off; the key is disabled afterwards",
                 "CancelKeyDeletion"),
      key_change("key-rotate", "Make new key material, which encrypts from now on",
                 "RotateKeyOnDemand"),
      key_change("key-describe", "Tell all about a key", "DescribeKey"),
      policy,
      {"list",
       "List accounts, users, roles, keys and aliases",
       {},
       {{"accounts[]", "account, name"},
        {"users[]", "arn"},
        {"roles[]", "arn, trust"},
        {"keys[]", "as DescribeKey tells"},
        {"aliases[]", "arn, key_id"}},
       "",
       "aws/list",
       {},
       {},
       {}},
  };
}

}  // namespace

Command devcloud_aws_command() {
  Command command;
  command.name = "aws";
  command.summary = "Administer the AWS of a devcloud: accounts, roles, policies, keys";
  command.paragraphs = {
      "What AWS's own KMS and STS can do, their official clients do too; these commands do what "
      "IAM "
      "would, and act on keys as the root of their account."};
  command.subcommands.push_back(admin_command(kGroup, setup()));
  for (const auto& group : {principals(), roles(), sessions(), keys()}) {
    for (const AdminCommand& row : group) {
      command.subcommands.push_back(admin_command(kGroup, row));
    }
  }
  return command;
}

}  // namespace keyhold::cli
