#include "devcloud/gcp/access.h"

#include <algorithm>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/crc32c.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::string_view kAccount = "serviceAccounts/";

using Permissions = std::vector<std::string>;

const std::map<std::string, Permissions>& roles() {
  static const std::map<std::string, Permissions> table = {
      {"roles/cloudkms.admin",
       {"cloudkms.keyRings.create", "cloudkms.keyRings.get", "cloudkms.keyRings.list",
        "cloudkms.keyRings.getIamPolicy", "cloudkms.keyRings.setIamPolicy",
        "cloudkms.cryptoKeys.create", "cloudkms.cryptoKeys.get", "cloudkms.cryptoKeys.list",
        "cloudkms.cryptoKeys.update", "cloudkms.cryptoKeys.getIamPolicy",
        "cloudkms.cryptoKeys.setIamPolicy", "cloudkms.cryptoKeyVersions.create",
        "cloudkms.cryptoKeyVersions.get", "cloudkms.cryptoKeyVersions.list",
        "cloudkms.cryptoKeyVersions.update", "cloudkms.cryptoKeyVersions.destroy",
        "cloudkms.cryptoKeyVersions.restore"}},
      {"roles/cloudkms.viewer",
       {"cloudkms.keyRings.get", "cloudkms.keyRings.list", "cloudkms.cryptoKeys.get",
        "cloudkms.cryptoKeys.list", "cloudkms.cryptoKeyVersions.get",
        "cloudkms.cryptoKeyVersions.list"}},
      {"roles/cloudkms.cryptoKeyEncrypter", {"cloudkms.cryptoKeyVersions.useToEncrypt"}},
      {"roles/cloudkms.cryptoKeyDecrypter", {"cloudkms.cryptoKeyVersions.useToDecrypt"}},
      {"roles/cloudkms.cryptoKeyEncrypterDecrypter",
       {"cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeyVersions.useToDecrypt"}},
      {"roles/iam.workloadIdentityUser", {"iam.serviceAccounts.getAccessToken"}},
      {"roles/iam.serviceAccountTokenCreator", {"iam.serviceAccounts.getAccessToken"}}};
  return table;
}

bool has(const json& members, const std::string& member) {
  return std::ranges::any_of(members, [&](const json& one) { return one == json(member); });
}

bool binds(const json& policy, const std::string& member, const std::string& permission) {
  return std::ranges::any_of(policy.at("bindings"), [&](const json& binding) {
    const auto role = roles().find(binding.at("role").get<std::string>());
    return role != roles().end() &&
           std::ranges::find(role->second, permission) != role->second.end() &&
           has(binding.at("members"), member);
  });
}

// What is above a resource; empty: nothing.
std::string above(const State& state, const std::string& name) {
  if (name.starts_with(kAccount)) {
    const auto account = state.at("accounts").find(name.substr(kAccount.size()));
    return account == state.at("accounts").end()
               ? std::string()
               : "projects/" + account->at("project").get<std::string>();
  }
  const std::size_t slash = name.rfind('/');
  return name.substr(0, slash == std::string::npos ? 0 : slash);
}

Answer<void> check_member(const State& state, const std::string& member) {
  const std::string kind = member.substr(0, member.find(':'));
  const std::string name = member.substr(std::min(member.size(), kind.size() + 1));
  if (kind == "serviceAccount" && state.at("accounts").contains(name)) return {};
  if (kind == "serviceAccount") return invalid("Service account " + name + " does not exist.");
  if (kind == "user" && state.at("users").contains(name)) return {};
  if (kind == "user") return invalid("User " + name + " does not exist.");
  if (member.starts_with("principal://iam.googleapis.com/projects/")) return {};
  return invalid("Invalid member: " + member);
}

}  // namespace

bool allows(const State& state, const std::string& member, const std::string& permission,
            const std::string& resource) {
  const json& policies = state.at("policies");
  for (std::string name = resource; !name.empty(); name = above(state, name)) {
    const auto policy = policies.find(name);
    if (policy != policies.end() && binds(*policy, member, permission)) return true;
  }
  return false;
}

Answer<void> check_allowed(const State& state, const std::string& member,
                           const std::string& permission, const std::string& resource) {
  if (allows(state, member, permission, resource)) return {};
  return refuse(
      403, "PERMISSION_DENIED",
      "Permission '" + permission + "' denied on resource '" + resource +
          "' (or it may not exist).",
      json::array({{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                    {"reason", "IAM_PERMISSION_DENIED"},
                    {"domain", permission.starts_with("iam.") ? "iam.googleapis.com"
                                                              : "cloudkms.googleapis.com"},
                    {"metadata", {{"permission", permission}, {"resource", resource}}}}}));
}

Answer<void> check_bindings(const State& state, const json& bindings) {
  if (!bindings.is_array()) return invalid("Invalid value at 'policy.bindings'");
  for (const json& binding : bindings) {
    const bool formed = binding.is_object() && binding.contains("role") &&
                        binding["role"].is_string() && binding.contains("members") &&
                        binding["members"].is_array();
    if (!formed) return invalid("Invalid value at 'policy.bindings'");
    if (binding.contains("condition")) return invalid("Conditions are not understood here.");
    const auto role = binding["role"].get<std::string>();
    if (!roles().contains(role)) {
      return invalid("Role " + role + " is not supported for this resource.");
    }
    for (const json& member : binding["members"]) {
      if (!member.is_string()) return invalid("Invalid value at 'policy.bindings.members'");
      if (auto known = check_member(state, member.get<std::string>()); !known) return known;
    }
  }
  return {};
}

json policy_json(const State& state, const std::string& resource) {
  const auto found = state.at("policies").find(resource);
  const json bindings = found == state.at("policies").end() ? json::array() : found->at("bindings");
  const std::string text = std::to_string(crc32c(as_bytes(bindings.dump())));
  return {{"version", 1}, {"etag", to_base64(as_bytes(text))}, {"bindings", bindings}};
}

bool set_grant(State& state, const std::string& resource, const std::string& role,
               const std::string& member, bool granted) {
  json& policy = state["policies"][resource];
  if (policy.is_null()) policy = {{"bindings", json::array()}};
  json& bindings = policy["bindings"];
  auto found =
      std::ranges::find_if(bindings, [&](const json& b) { return b.at("role") == json(role); });
  if (found == bindings.end()) {
    if (!granted) return false;
    bindings.push_back({{"role", role}, {"members", json::array({member})}});
    return true;
  }
  json& members = (*found)["members"];
  if (has(members, member) == granted) return false;
  if (granted) {
    members.push_back(member);
  } else {
    members.erase(
        std::ranges::find_if(members, [&](const json& one) { return one == json(member); }));
    if (members.empty()) bindings.erase(found);
  }
  return true;
}

}  // namespace keyhold::devcloud::gcp
