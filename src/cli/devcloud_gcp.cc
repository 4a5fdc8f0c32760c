#include "cli/devcloud_commands.h"

namespace keyhold::cli {
namespace {

using Kind = AdminParameter::Kind;

constexpr const char* kGroup = "devcloud gcp";
constexpr const char* kKey =
    "projects/customer/locations/global/keyRings/keyhold/cryptoKeys/keyhold";

AdminParameter email() {
  return {"EMAIL", "EMAIL", "email", "the service account: NAME@PROJECT.iam.gserviceaccount.com"};
}
std::vector<JsonField> nothing() {
  return {};
}

AdminCommand setup() {
  return {
      "setup",
      "Make all that a Keyhold cluster needs: the customer's key and account, the cluster's own",
      {{"--name", "NAME", "name", "name of key and accounts (default: keyhold)", Kind::text, false},
       {"--location", "LOCATION", "location", "the key's location (default: global)", Kind::text,
        false}},
      {{"key_uri", "--kms-uri"},
       {"auth_principal", "--auth-principal"},
       {"cluster_account", "the cluster's own account"},
       {"credentials_file", "GOOGLE_APPLICATION_CREDENTIALS, a file of mode 0600"},
       {"endpoint", "--kms-endpoint"},
       {"iam_endpoint", "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"},
       {"ca_file", "--kms-ca"}},
      "",
      "gcp/setup",
      {},
      [](const std::string& json) {
        return members_as_exports(
            json, {{"GOOGLE_APPLICATION_CREDENTIALS", "credentials_file"},
                   {"CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "iam_endpoint"},
                   {"KEYHOLD_DEV_GCP_KEY_URI", "key_uri"},
                   {"KEYHOLD_DEV_GCP_PRINCIPAL", "auth_principal"},
                   {"KEYHOLD_DEV_GCP_ENDPOINT", "endpoint"},
                   {"KEYHOLD_DEV_GCP_CA", "ca_file"}});
      },
      {"The customer's account may use the key; tokens of it are made by the cluster's account "
       "alone. The cluster's credentials lie in DIR/gcp-NAME.json."}};
}

AdminCommand account_change(const std::string& name, const std::string& summary,
                            const std::string& endpoint,
                            const std::map<std::string, std::string>& constants) {
  return {name,     summary,   {email()}, nothing(), "keyhold@customer.iam.gserviceaccount.com",
          endpoint, constants, {},        {}};
}

std::vector<AdminCommand> accounts() {
  return {
      {"create-account",
       "Make a service account with a key: prints its credentials file's members",
       {email(),
        {"--project", "PROJECT", "project", "its project (default: that of its name)", Kind::text,
         false}},
       {{"type", "service_account"},
        {"project_id", "its project"},
        {"private_key_id", "its key's id"},
        {"private_key", "its key, PEM: with --json the whole is a credentials file"},
        {"client_email", "the account"},
        {"token_uri", "where it logs in"}},
       "node@operator.iam.gserviceaccount.com",
       "gcp/account",
       {},
       {},
       {}},
      account_change("disable-account", "Disable a service account: its tokens end at once",
                     "gcp/set-account", {{"/disabled", "true"}}),
      account_change("enable-account", "Enable a disabled service account again", "gcp/set-account",
                     {{"/disabled", "false"}}),
      account_change("delete-account", "Delete a service account and all that was granted to it",
                     "gcp/delete-account", {}),
      account_change("delete-account-key", "Take a service account's keys away: it cannot log in",
                     "gcp/delete-account-key", {}),
      account_change("instance-account", "Hand out an account's tokens on the metadata port",
                     "gcp/set-instance-account", {}),
  };
}

std::vector<AdminCommand> logins() {
  const std::string provider =
      "projects/1/locations/global/workloadIdentityPools/pool/providers/oidc";
  return {
      {"create-user",
       "Give a user's application a refresh token: prints its credentials file's members",
       {{"EMAIL", "EMAIL", "email", "the user"}},
       {{"type", "authorized_user"},
        {"client_id", "the application"},
        {"client_secret", "its secret"},
        {"refresh_token", "what it logs in by"},
        {"token_uri", "where it logs in"}},
       "alice@example.com",
       "gcp/user",
       {},
       {},
       {}},
      {"revoke-user",
       "Take a user's consent away: refresh tokens and tokens end at once",
       {{"EMAIL", "EMAIL", "email", "the user"}},
       nothing(),
       "alice@example.com",
       "gcp/set-user",
       {{"/revoked", "true"}},
       {},
       {}},
      {"create-provider",
       "Make a provider of a workload identity pool, for external accounts",
       {{"NAME", "NAME", "name", "projects/N/locations/global/workloadIdentityPools/…/providers/…"},
        {"--issuer", "URL", "issuer", "whose tokens it takes"}},
       {{"audience", "an external account's audience"}, {"token_url", "where it logs in"}},
       "--issuer https://oidc.example.com " + provider,
       "gcp/provider",
       {},
       {},
       {}},
      {"subject-token",
       "Give out a token of a provider's issuer",
       {{"PROVIDER", "NAME", "provider", "the provider"},
        {"--subject", "SUBJECT", "subject", "whom it names"},
        {"--seconds", "SECONDS", "seconds", "its lifetime (default: 3600)", Kind::number, false}},
       {{"token", "a JWT"}},
       "--subject node-1 " + provider,
       "gcp/subject-token",
       {},
       {},
       {}},
      {"token",
       "Give out an access token of a service account, without a login",
       {email(),
        {"--scope", "SCOPES", "scope", "with spaces between (default: cloud-platform)", Kind::text,
         false},
        {"--seconds", "SECONDS", "seconds", "its lifetime (default: 3600)", Kind::number, false}},
       {{"access_token", "a bearer token"}},
       "keyhold@customer.iam.gserviceaccount.com --seconds 5",
       "gcp/token",
       {},
       {},
       {}},
  };
}

AdminCommand grant_change(const std::string& name, const std::string& summary) {
  return {
      name == "grant" ? "iam-grant" : "iam-revoke",
      summary,
      {{"RESOURCE", "RESOURCE", "resource", "a project, key ring, key, or serviceAccounts/EMAIL"},
       {"ROLE", "ROLE", "role", "roles/cloudkms.cryptoKeyEncrypterDecrypter …"},
       {"MEMBER", "MEMBER", "member", "serviceAccount:EMAIL, user:EMAIL, principal://…"}},
      nothing(),
      "serviceAccounts/keyhold@customer.iam.gserviceaccount.com "
      "roles/iam.serviceAccountTokenCreator "
      "serviceAccount:keyhold@operator.iam.gserviceaccount.com",
      "gcp/" + name,
      {},
      {},
      {}};
}

AdminCommand key_change(const std::string& operation, const std::string& summary, bool versioned) {
  AdminCommand row{"key-" + operation,
                   summary,
                   {{"KEY", "KEY", "key", "projects/…/cryptoKeys/…"}},
                   {{"versions[]", "the versions that were changed, with their state"}},
                   kKey,
                   "gcp/key",
                   {{"/operation", "\"" + operation + "\""}},
                   {},
                   {}};
  if (versioned) {
    row.json.push_back({"name, state, algorithm, protectionLevel, createTime, generateTime",
                        "with --version: that version"});
    row.json.push_back({"destroyTime", "when it is destroyed"});
    row.parameters.push_back({"--version", "N", "version",
                              "only this one (default: all that can be)", Kind::text, false});
  }
  return row;
}

std::vector<AdminCommand> keys() {
  AdminCommand primary = key_change("set-primary", "Let a version encrypt from now on", false);
  primary.parameters.push_back({"--version", "N", "version", "the version, which is enabled"});
  primary.example += " --version 1";
  AdminCommand rotate = key_change("rotate", "Make a version, which encrypts from now on", false);
  AdminCommand describe = key_change("describe", "Tell all about a key", false);
  for (AdminCommand* row : {&primary, &rotate, &describe}) {
    row->json = {{"name", "the key"},
                 {"purpose", "ENCRYPT_DECRYPT"},
                 {"primary.name, primary.state", "the version that encrypts"},
                 {"createTime, destroyScheduledDuration, versionTemplate", "as Cloud KMS tells"}};
  }
  return {
      {"create-ring",
       "Make a key ring; keys are made in it by Cloud KMS's own clients, or setup",
       {{"NAME", "NAME", "name", "projects/P/locations/L/keyRings/R"}},
       {{"name", "the ring"}, {"createTime", "when it was made"}},
       "projects/customer/locations/europe-west1/keyRings/second",
       "gcp/ring",
       {},
       {},
       {}},
      key_change("disable", "Disable a key's versions: every use is refused from now on", true),
      key_change("enable", "Enable a key's disabled versions again", true),
      key_change("destroy", "Schedule a key's versions for destruction", true),
      key_change("restore", "Call a destruction off; the versions are disabled afterwards", true),
      rotate,
      primary,
      describe,
      {"list",
       "List accounts, users, grants, key rings and keys",
       {},
       {{"accounts[]", "email, disabled"},
        {"users[]", "email, revoked"},
        {"grants[]", "resource, role, members"},
        {"key_rings[]", "name"},
        {"keys[]", "as Cloud KMS tells"}},
       "",
       "gcp/list",
       {},
       {},
       {}},
  };
}

}  // namespace

Command devcloud_gcp_command() {
  Command command;
  command.name = "gcp";
  command.summary = "Administer the Google Cloud of a devcloud: accounts, grants, keys";
  command.paragraphs = {
      "What Google's own Cloud KMS and IAM Credentials can do, their official clients do too; "
      "these "
      "commands do what the console would, and act on keys without asking for permissions."};
  command.subcommands.push_back(admin_command(kGroup, setup()));
  const std::vector<AdminCommand> grants = {
      grant_change("grant", "Grant a role on a resource"),
      grant_change("revoke", "Take a role on a resource away")};
  for (const auto& group : {accounts(), logins(), grants, keys()}) {
    for (const AdminCommand& row : group) {
      command.subcommands.push_back(admin_command(kGroup, row));
    }
  }
  return command;
}

}  // namespace keyhold::cli
