#include "cli/devcloud_commands.h"

namespace keyhold::cli {
namespace {

using Kind = AdminParameter::Kind;

constexpr const char* kGroup = "devcloud vault";

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

// A command about the thing of that name, at the endpoint of its own name.
AdminCommand about(const std::string& name, const std::string& summary, const char* what,
                   std::vector<JsonField> json = {}) {
  return {
      name, summary, {{"NAME", "NAME", "name", what}}, std::move(json), "acme", "vault/" + name, {},
      {},   {}};
}

AdminCommand with(AdminCommand row, AdminParameter parameter, const std::string& example = "") {
  row.parameters.push_back(std::move(parameter));
  row.example += example;
  return row;
}

std::vector<AdminCommand> keys() {
  const char* const key = "the transit key's name";
  const std::vector<JsonField> told = {
      {"mount", "the engine"},
      {"name", "the key"},
      {"type", "aes256-gcm96"},
      {"latest_version", "the version that encrypts"},
      {"min_decryption_version", "the oldest version that still decrypts"},
      {"disabled", "whether it is soft-deleted"}};
  return {
      about("key-create", "Make a transit key", key, told),
      about("key-describe", "Tell all about a key", key, told),
      about("key-disable",
            "Take a key away: every use is refused from now on (OpenBao's soft-delete)", key, told),
      about("key-enable", "Give a disabled key back", key, told),
      about("key-rotate", "Make a new version of a key, which encrypts from now on", key, told),
      with(about("key-min-version", "Set min_decryption_version: older ciphertexts are refused",
                 key, told),
           {"VERSION", "N", "version", "the oldest version that still decrypts", Kind::number},
           " 2"),
      about("key-delete", "Allow a key's deletion, and delete it for ever", key),
  };
}

std::vector<AdminCommand> policies() {
  const char* const policy = "the policy's name";
  return {
      about("policy-revoke", "Take a policy away: its tokens are refused from now on", policy),
      with(about("policy-grant", "Give a policy back, or replace it", policy),
           {"--policy", "FILE", "policy",
            "the policy, JSON (default: use of the transit key of that name)", Kind::document,
            false}),
  };
}

std::vector<AdminCommand> roles() {
  const char* const role = "the AppRole's name";
  const std::vector<JsonField> secret = {{"secret_id", "VAULT_SECRET_ID"},
                                         {"secret_id_accessor", "by which it is destroyed"},
                                         {"secret_id_num_uses", "how many logins; 0: any number"},
                                         {"secret_id_ttl", "seconds until it ends; 0: never"}};
  AdminCommand create = about("role-create", "Make an AppRole, or change one", role,
                              {{"role_id", "approle:ROLE_ID is the --auth-principal"}});
  create =
      with(create, {"--policy", "NAME", "policies",
                    "a policy of its tokens (default: the one of that name)", Kind::texts, false});
  create = with(create, {"--token-ttl", "TIME", "token_ttl",
                         "how long its tokens last (default: 5m)", Kind::text, false});
  create = with(create, {"--secret-id-ttl", "TIME", "secret_id_ttl",
                         "how long its secret ids last (default: for ever)", Kind::text, false});
  return {
      create,
      about("role-delete", "Delete an AppRole with its secret ids: logins are refused from now on",
            role),
      about("secret-id", "Give an AppRole another secret id", role, secret),
      with(about("secret-id-destroy", "Destroy a secret id: logins with it are refused from now on",
                 role),
           {"ACCESSOR", "ID", "accessor", "the secret id's accessor"},
           " 8f0c2a6e-5a57-4a32-8a35-0a0f7a3d3c55"),
  };
}

std::vector<AdminCommand> server() {
  return {
      {"list",
       "List transit keys, policies and AppRoles",
       {},
       {{"keys[]", "as key-describe tells"},
        {"policies[]", "name"},
        {"roles[]", "mount, name, role_id, policies"}},
       "",
       "vault/list",
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
      {"root-token",
       "Give out the root token, for what Vault's own clients can do",
       {},
       {{"token", "VAULT_TOKEN"}},
       "",
       "vault/root-token",
       {},
       [](const std::string& json) {
         return members_as_exports(json, {{"VAULT_TOKEN", "token"}});
       },
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
      "What a customer's administrator does, with the root token, in the engine transit/ and the "
      "method approle/; Vault's own clients can do the same, anywhere."};
  command.subcommands.push_back(admin_command(kGroup, setup()));
  for (const auto& group : {keys(), policies(), roles(), server()}) {
    for (const AdminCommand& row : group) {
      command.subcommands.push_back(admin_command(kGroup, row));
    }
  }
  return command;
}

}  // namespace keyhold::cli
