// sys/…: health, seal, mounts, policies; and the paths that need no token.
#include <nlohmann/json.hpp>

#include "cloud/vault/policy.h"
#include "devcloud/text.h"
#include "devcloud/vault/call.h"

namespace keyhold::devcloud::vault {
namespace {

using nlohmann::json;

constexpr const char* kVersion = "1.18.0+devcloud";

}  // namespace

Answer<Reply> Vault::open_path(const Call& call) {
  const bool sealed = logins_.newest()->sealed;
  if (call.path == "sys/health") {
    Reply reply = with_data({{"initialized", true},
                             {"sealed", sealed},
                             {"standby", false},
                             {"performance_standby", false},
                             {"server_time_utc", now_s()},
                             {"version", kVersion},
                             {"cluster_name", "devcloud"},
                             {"cluster_id", "devcloud"}});
    reply.bare = true;
    reply.status = sealed ? 503 : 200;
    return reply;
  }
  if (call.path == "sys/seal-status") {
    Reply reply = with_data({{"type", "shamir"},
                             {"initialized", true},
                             {"sealed", sealed},
                             {"t", 1},
                             {"n", 1},
                             {"progress", 0},
                             {"nonce", ""},
                             {"version", kVersion},
                             {"storage_type", "file"}});
    reply.bare = true;
    return reply;
  }
  if (sealed) return refuse(503, "Vault is sealed");
  const auto place = under(call.state->approles, std::string_view(call.path).substr(5));
  if (!place || place->rest.size() != 1) return refuse(403, "permission denied");
  return login(call, *place);
}

Answer<Reply> Vault::mounts(const Call& call, const std::string& path, bool auth) {
  const std::string type = text_member(call.body(), "type");
  const std::string known = auth ? "approle" : "transit";
  if (call.operation == "update" && type != known) {
    return refuse(400, "plugin not found in the catalog: " + type);
  }
  const bool reserved = path == "sys" || path == "auth" || path == "token" || path == "projects" ||
                        path.starts_with("projects/");
  KEYHOLD_TRY(change([&](VaultState& state) -> Answer<void> {
    auto& mounted = auth ? state.approles : state.transits;
    if (call.operation == "update") {
      if (!reserved && mounted.insert(path).second) return {};
      return refuse(400, "path is already in use at " + path + "/");
    }
    if (call.operation != "delete") return refuse_one(405, "unsupported operation");
    mounted.erase(path);
    const auto below = [&](const auto& item) { return item.first.starts_with(path + "/"); };
    if (auth) {
      std::erase_if(state.roles, below);
    } else {
      std::erase_if(state.keys, below);
    }
    return {};
  }));
  if (auth && call.operation == "delete") {
    KEYHOLD_TRY(change_logins([&](Logins& logins) -> Answer<void> {
      std::erase_if(logins.secret_ids,
                    [&](const auto& item) { return item.second.role.starts_with(path + "/"); });
      std::erase_if(logins.tokens, [&](const auto& item) {
        return item.second.path == "auth/" + path + "/login";
      });
      return {};
    }));
  }
  return Reply{};
}

Answer<Reply> Vault::policies(const Call& call, const std::string& name, const char* member) {
  if (name.empty()) {
    json names = json::array({"default", "root"});
    for (const auto& [one, text] : call.state->policies) names.push_back(one);
    json told = {{"keys", names}};
    if (std::string_view(member) == "rules") told["policies"] = names;
    return with_data(told);
  }
  if (call.operation == "read") {
    const auto found = call.state->policies.find(name);
    if (found == call.state->policies.end()) return nothing_here();
    return with_data({{"name", name}, {member, found->second}});
  }
  if (call.operation == "delete") {
    if (name == "root" || name == "default") {
      return refuse(400, "cannot delete \"" + name + "\" policy");
    }
    KEYHOLD_TRY(change([&](VaultState& state) -> Answer<void> {
      state.policies.erase(name);
      return {};
    }));
    return Reply{};
  }
  if (call.operation != "update") return refuse_one(405, "unsupported operation");
  if (name == "root") return refuse(400, "cannot update \"root\" policy");
  const std::string text = text_member(call.body(), "policy");
  if (const auto parsed = cloud::vault::parse_policy(text); !parsed) {
    return refuse(400, "failed to parse policy: " + parsed.error().message());
  }
  KEYHOLD_TRY(change([&](VaultState& state) -> Answer<void> {
    state.policies[name] = text;
    return {};
  }));
  return Reply{};
}

Answer<Reply> Vault::system_path(const Call& call) {
  const auto behind = [&](std::string_view prefix) { return call.path.substr(prefix.size()); };
  if (call.path.starts_with("sys/mounts/")) return mounts(call, behind("sys/mounts/"), false);
  if (call.path.starts_with("sys/auth/")) return mounts(call, behind("sys/auth/"), true);
  if (call.path == "sys/policies/acl") return policies(call, "", "policy");
  if (call.path == "sys/policy") return policies(call, "", "rules");
  if (call.path.starts_with("sys/policies/acl/")) {
    return policies(call, behind("sys/policies/acl/"), "policy");
  }
  if (call.path.starts_with("sys/policy/")) return policies(call, behind("sys/policy/"), "rules");
  if (call.path == "sys/seal" && call.operation == "update") {
    KEYHOLD_TRY(change_logins([&](Logins& logins) -> Answer<void> {
      logins.sealed = true;
      return {};
    }));
    return Reply{};
  }
  return refuse_one(404, "unsupported path");
}

}  // namespace keyhold::devcloud::vault
