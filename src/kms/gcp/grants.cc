#include "kms/gcp/grants.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

namespace keyhold::kms::gcp {
namespace {

using nlohmann::json;
using Outcome = Foretold::Outcome;

constexpr const char* kUnknownOwn = "EMAIL-OF-THE-CLUSTERS-OWN-ACCOUNT";
constexpr std::string_view kTokenCreator = "roles/iam.serviceAccountTokenCreator";

// Which predefined roles have a permission.
struct Permission {
  std::string_view name;
  bool needed;
  std::array<std::string_view, 6> roles;
};

constexpr std::array kOfKey = {
    Permission{"cloudkms.cryptoKeyVersions.useToEncrypt",
               true,
               {"roles/cloudkms.cryptoKeyEncrypterDecrypter", "roles/cloudkms.cryptoKeyEncrypter",
                "roles/cloudkms.cryptoOperator", "roles/owner"}},
    Permission{"cloudkms.cryptoKeyVersions.useToDecrypt",
               true,
               {"roles/cloudkms.cryptoKeyEncrypterDecrypter", "roles/cloudkms.cryptoKeyDecrypter",
                "roles/cloudkms.cryptoOperator", "roles/owner"}},
    Permission{"cloudkms.cryptoKeys.get",
               true,
               {"roles/cloudkms.viewer", "roles/cloudkms.admin", "roles/viewer", "roles/editor",
                "roles/owner"}},
    Permission{"cloudkms.cryptoKeyVersions.destroy",
               false,
               {"roles/cloudkms.admin", "roles/editor", "roles/owner"}},
    Permission{"cloudkms.cryptoKeys.setIamPolicy",
               false,
               {"roles/cloudkms.admin", "roles/iam.securityAdmin", "roles/owner"}},
};
constexpr std::array kOfAccount = {
    Permission{"iam.serviceAccounts.getAccessToken",
               true,
               {kTokenCreator, "roles/iam.workloadIdentityUser"}},
    Permission{"iam.serviceAccountKeys.create",
               false,
               {"roles/iam.serviceAccountKeyAdmin", "roles/editor", "roles/owner"}},
};

std::string project_of_account(const std::string& email) {
  const std::size_t at = email.find('@');
  if (at == std::string::npos) return "PROJECT";
  return email.substr(at + 1, email.find('.', at) - at - 1);
}

std::string or_placeholder(const std::string& email) {
  return email.empty() ? kUnknownOwn : email;
}

// Whoever asks for the last account's token.
std::string before_last(const Parties& parties) {
  const std::size_t count = parties.chain.size();
  return count > 1 ? parties.chain[count - 2] : or_placeholder(parties.own);
}

// Whoever asks KMS.
std::string user_of(const Parties& parties) {
  return parties.chain.empty() ? or_placeholder(parties.own) : parties.chain.back();
}

std::string binding_command(const std::string& of, const std::string& member,
                            std::string_view role) {
  return "gcloud " + of + " \\\n  --member=serviceAccount:" + member +
         " \\\n  --role=" + std::string(role) + "\n";
}

// "projects/P/locations/L/keyRings/R/cryptoKeys/K" as gcloud takes it.
std::string key_flags(const std::string& key) {
  constexpr std::array kFlags = {"--project=", "--location=", "--keyring=", ""};
  std::string out;
  std::string_view rest = key;
  for (const char* const flag : kFlags) {
    rest.remove_prefix(std::min(rest.size(), rest.find('/') + 1));
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    out.append(" ").append(flag).append(rest.substr(0, slash));
    rest.remove_prefix(std::min(rest.size(), slash + 1));
  }
  return out;
}

// Whether a binding's members have the account: by name, or by something that may have it.
Outcome reach(const json& members, const std::string& account, std::string& reason) {
  Outcome best = Outcome::refused;
  for (const json& member : members) {
    const auto name = member.get<std::string>();
    if (name == "serviceAccount:" + account || name == "allUsers" ||
        name == "allAuthenticatedUsers") {
      return Outcome::allowed;
    }
    if (name.starts_with("group:") || name.starts_with("domain:") ||
        name.starts_with("principal")) {
      best = Outcome::depends;
      reason = "on whether ";
      reason.append(name).append(" has ").append(account);
    }
  }
  return best;
}

bool has_role(const Permission& permission, const std::string& role) {
  return !role.empty() && std::ranges::find(permission.roles, role) != permission.roles.end();
}

Foretold judge(const json& bindings, const Permission& permission, const std::string& account) {
  Foretold row{.action = std::string(permission.name),
               .outcome = Outcome::refused,
               .needed = permission.needed,
               .reason = {}};
  for (const json& binding : bindings) {
    const std::string role = binding["role"];
    const bool custom = role.find("/roles/") != std::string::npos;
    if (!custom && !has_role(permission, role)) continue;
    std::string reason;
    Outcome outcome = reach(binding.value("members", json::array()), account, reason);
    if (outcome == Outcome::refused) continue;
    if (custom) reason = "on what the custom role " + role + " holds";
    if (binding.contains("condition")) reason = "on the condition of the binding to " + role;
    if (reason.empty()) return {row.action, Outcome::allowed, row.needed, "by " + role};
    row.outcome = Outcome::depends;
    row.reason = reason;
  }
  if (row.outcome == Outcome::refused) {
    row.reason = "no binding here gives it to " + account;
    if (row.needed) row.reason += "; one on what this lies in would do";
  }
  return row;
}

bool is_binding(const json& value) {
  if (!value.is_object()) return false;
  const json members = value.value("members", json::array());
  return value.value("role", json()).is_string() && members.is_array() &&
         std::ranges::all_of(members, [](const json& member) { return member.is_string(); });
}

bool is_of_account(const json& bindings) {
  return std::ranges::any_of(bindings, [](const json& binding) {
    const auto role = binding["role"].get<std::string>();
    return (role.starts_with("roles/iam.serviceAccount") ||
            role == "roles/iam.workloadIdentityUser");
  });
}

tl::unexpected<Error> not_judged(const std::string& why) {
  return tl::unexpected(Error(Fault::configuration, "the policy cannot be judged: " + why));
}

}  // namespace

std::vector<Grant> login_grants(const Parties& parties) {
  const std::string& account = parties.chain.back();
  return {{.place = "the service account " + account + " (the customer's)",
           .text = binding_command("iam service-accounts add-iam-policy-binding " + account +
                                       " --project=" + project_of_account(account),
                                   before_last(parties), kTokenCreator)}};
}

std::vector<Grant> key_grants(const Parties& parties) {
  const std::string user = user_of(parties);
  const std::string of_key = "kms keys add-iam-policy-binding" + key_flags(parties.key);
  return {{.place = "the key " + parties.key,
           .text = binding_command(of_key, user, "roles/cloudkms.cryptoKeyEncrypterDecrypter") +
                   binding_command(of_key, user, "roles/cloudkms.viewer")}};
}

Result<std::vector<Foretold>> foretell(const std::string& policy, const Parties& parties) {
  const json document = json::parse(policy, nullptr, false);
  if (!document.is_object()) return not_judged("it is no JSON object");
  const auto bindings = document.find("bindings");
  const bool whole = bindings != document.end() && bindings->is_array() &&
                     std::ranges::all_of(*bindings, is_binding);
  if (!whole) return not_judged("it has no list of bindings of a role to members");
  std::vector<Foretold> rows;
  if (is_of_account(*bindings)) {
    if (parties.chain.empty()) {
      return not_judged("it is a service account's, and none is impersonated");
    }
    for (const Permission& permission : kOfAccount) {
      rows.push_back(judge(*bindings, permission, before_last(parties)));
    }
    return rows;
  }
  for (const Permission& permission : kOfKey) {
    rows.push_back(judge(*bindings, permission, user_of(parties)));
  }
  return rows;
}

}  // namespace keyhold::kms::gcp
