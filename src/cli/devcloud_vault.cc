#include "cli/devcloud_commands.h"

namespace keyhold::cli {
namespace {

using Kind = AdminParameter::Kind;

constexpr const char* kGroup = "devcloud vault";

AdminParameter named(const char* what) {
  return {"NAME", "NAME", "name", what};
}

AdminCommand setup() {
  return {"setup",
          "Make all that a Keyhold cluster needs: the transit key, a policy, an AppRole",
          {{"--org", "ORG", "org", "the organization's id"},
           {"--name", "NAME", "name", "name of key, policy and role (default: ORG)", Kind::text,
            false}},
          {{"key_uri", "--kms-uri"},
           {"auth_principal", "--auth-principal"},
           {"secret_id", "VAULT_SECRET_ID of the cluster"},
           {"secret_id_accessor", "by which it is destroyed"},
           {"policy", "the policy's name"},
           {"role", "the AppRole's name"},
           {"ca_file", "VAULT_CACERT"},
           {"root_token", "a token that may do everything"}},
          "--org acme",
          "vault/setup",
          {},
          [](const std::string& json) {
            return members_as_exports(json, {{"VAULT_SECRET_ID", "secret_id"},
                                             {"VAULT_CACERT", "ca_file"},
                                             {"KEYHOLD_DEV_VAULT_KEY_URI", "key_uri"},
                                             {"KEYHOLD_DEV_VAULT_PRINCIPAL", "auth_principal"}});
          },
          {"The AppRole's tokens may encrypt and decrypt with that key and read it, and no more. "
           "Run again, it gives back what was taken away and makes another secret id."}};
}

std::vector<AdminCommand> revocations() {
  return {
      {"policy-revoke",
       "Take a policy away: its tokens are refused from now on",
       {named("the policy's name")},
       {},
       "acme",
       "vault/policy-revoke",
       {},
       {},
       {}},
      {"policy-grant",
       "Give a policy back, or replace it",
       {named("the policy's name"),
        {"--policy", "FILE", "policy",
         "the policy, JSON (default: use of the transit key of that name)", Kind::document, false}},
       {},
       "acme",
       "vault/policy-grant",
       {},
       {},
       {}},
      {"key-min-version",
       "Set min_decryption_version: older ciphertexts are refused",
       {named("the transit key's name"),
        {"VERSION", "N", "version", "the oldest version that still decrypts", Kind::number}},
       {{"latest_version", "and all that reading the key tells"}},
       "acme 2",
       "vault/key-min-version",
       {},
       {},
       {}},
      {"key-rotate",
       "Make a new version of a key, which encrypts from now on",
       {named("the transit key's name")},
       {{"latest_version", "and all that reading the key tells"}},
       "acme",
       "vault/key-rotate",
       {},
       {},
       {}},
      {"secret-id",
       "Give an AppRole another secret id",
       {named("the role's name")},
       {{"secret_id", "VAULT_SECRET_ID"}, {"secret_id_accessor", "by which it is destroyed"}},
       "acme",
       "vault/secret-id",
       {},
       {},
       {}},
      {"secret-id-destroy",
       "Destroy a secret id: logins with it are refused from now on",
       {named("the role's name"), {"ACCESSOR", "ID", "accessor", "the secret id's accessor"}},
       {},
       "acme 8f0c2a6e-5a57-4a32-8a35-0a0f7a3d3c55",
       "vault/secret-id-destroy",
       {},
       {},
       {}},
      {"token-revoke",
       "End a token",
       {{"TOKEN", "TOKEN", "token", "the token"}},
       {},
       "s.0123456789abcdef",
       "vault/token-revoke",
       {},
       {},
       {}},
  };
}

std::vector<AdminCommand> server() {
  return {
      {"root-token",
       "Give out the root token, for what Vault's own clients can do",
       {},
       {{"token", "VAULT_TOKEN"}},
       "",
       "vault/root-token",
       {},
       {},
       {}},
      {"seal", "Seal it: every request is answered with 503", {}, {}, "", "vault/seal", {}, {}, {}},
      {"unseal", "Unseal it", {}, {}, "", "vault/unseal", {}, {}, {}},
  };
}

}  // namespace

Command devcloud_vault_command() {
  Command command;
  command.name = "vault";
  command.summary = "Administer the Vault of a devcloud: keys, policies, AppRoles";
  command.paragraphs = {
      "What a customer's administrator does, with the root token; Vault's own clients can do the "
      "same."};
  command.subcommands.push_back(admin_command(kGroup, setup()));
  for (const auto& group : {revocations(), server()}) {
    for (const AdminCommand& row : group) {
      command.subcommands.push_back(admin_command(kGroup, row));
    }
  }
  return command;
}

}  // namespace keyhold::cli
