// Tokens: who asks, what its policies allow, and auth/token/…
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/timestamp.h"
#include "cloud/vault/policy.h"
#include "devcloud/vault/call.h"

namespace keyhold::devcloud::vault {
namespace {

using nlohmann::json;

constexpr const char* kRoot = "root";
constexpr const char* kDefault = "default";
constexpr const char* kPurpose = "vault token";
constexpr std::int64_t kDefaultTtl = 32L * 24 * 3600;  // Vault's 768 hours

// What of Vault's own default policy is served here.
constexpr const char* kDefaultPolicy = R"(
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] })";

bool is_root(const Token& token) {
  return std::ranges::find(token.policies, kRoot) != token.policies.end();
}

std::string text_of_time(std::int64_t seconds) {
  return format_timestamp(WallTime(std::chrono::seconds(seconds)));
}

json auth_of(const Token& token, const std::string& text, std::int64_t ttl) {
  return {{"client_token", text},
          {"accessor", token.accessor},
          {"policies", token.policies},
          {"token_policies", token.policies},
          {"metadata", token.role.empty() ? json() : json{{"role_name", token.role}}},
          {"lease_duration", ttl},
          {"renewable", token.expires_s != 0},
          {"entity_id", ""},
          {"token_type", "service"},
          {"orphan", !token.role.empty()},
          {"mfa_requirement", nullptr},
          {"num_uses", token.uses_left}};
}

}  // namespace

std::string Vault::root_token() const {
  return "s." + hidden("vault root token", "").substr(0, 32);
}

std::optional<Token> Vault::find_token(const std::string& text) const {
  if (text.empty()) return std::nullopt;
  if (text == root_token()) {
    Token root;
    root.accessor = kRoot;
    root.policies = {kRoot};
    root.display_name = kRoot;
    root.path = "auth/token/root";
    return root;
  }
  const auto logins = logins_.newest();
  const auto found = logins->tokens.find(hidden(kPurpose, text));
  if (found == logins->tokens.end()) return std::nullopt;
  if (found->second.expires_s != 0 && found->second.expires_s <= now_s()) return std::nullopt;
  return found->second;
}

Answer<void> Vault::authenticate(Call& call) {
  call.token = find_token(call.token_text);
  if (!call.token) return refuse(403, "permission denied");
  if (call.token->uses_left == 0) return {};
  return change_logins([&](Logins& logins) -> Answer<void> {
    const auto found = logins.tokens.find(hidden(kPurpose, call.token_text));
    if (found == logins.tokens.end()) return refuse(403, "permission denied");
    if (--found->second.uses_left == 0) logins.tokens.erase(found);
    return {};
  });
}

bool Vault::permitted(const Call& call) const {
  if (is_root(*call.token)) return true;
  std::vector<cloud::vault::Rules> rules;
  for (const std::string& name : call.token->policies) {
    const auto found = call.state->policies.find(name);
    if (found == call.state->policies.end() && name != kDefault) continue;
    const auto parsed = cloud::vault::parse_policy(
        found == call.state->policies.end() ? kDefaultPolicy : found->second);
    if (parsed) rules.push_back(*parsed);
  }
  std::string capability = call.operation;
  // What would be made by it needs "create".
  const auto place = under(call.state->transits, call.path);
  if (capability == "update" && place && place->rest.size() == 2 && place->rest[0] == "encrypt" &&
      !call.state->keys.contains(place->mount + "/" + place->rest[1])) {
    capability = "create";
  }
  return cloud::vault::allows(rules, call.path, capability);
}

// Gives it out: its text is nowhere else.
Answer<Reply> Vault::issue(Token token, std::int64_t ttl_s, std::int64_t max_ttl_s) {
  if (ttl_s == 0) ttl_s = kDefaultTtl;
  if (max_ttl_s != 0) ttl_s = std::min(ttl_s, max_ttl_s);
  ByteVector random(24);
  shared_.machine().random.fill(random);
  const std::string text = "s." + to_hex(random);
  token.accessor = random_id();
  token.created_s = now_s();
  token.ttl_s = ttl_s;
  token.expires_s = token.created_s + ttl_s;
  token.max_expires_s = token.created_s + (max_ttl_s == 0 ? kDefaultTtl : max_ttl_s);
  if (std::ranges::find(token.policies, kDefault) == token.policies.end() && !is_root(token)) {
    token.policies.emplace_back(kDefault);
  }
  std::ranges::sort(token.policies);
  KEYHOLD_TRY(change_logins([&](Logins& logins) -> Answer<void> {
    const std::int64_t now = now_s();
    std::erase_if(logins.tokens, [&](const auto& item) {
      return item.second.expires_s != 0 && item.second.expires_s <= now;
    });
    logins.tokens[hidden(kPurpose, text)] = token;
    return {};
  }));
  return with_auth(auth_of(token, text, ttl_s));
}

Answer<Reply> Vault::create_token(const Call& call) {
  Token token;
  token.policies = list_member(call.body(), "policies");
  for (const std::string& policy : token.policies) {
    const auto& own = call.token->policies;
    if (!is_root(*call.token) && std::ranges::find(own, policy) == own.end()) {
      return refuse(400, "child policies must be subset of parent");
    }
  }
  if (token.policies.empty()) token.policies = call.token->policies;
  token.display_name = "token";
  token.path = "auth/token/create";
  KEYHOLD_TRY_ASSIGN(token.uses_left, count_member(call.body(), "num_uses"));
  KEYHOLD_TRY_ASSIGN(const std::int64_t ttl, seconds_member(call.body(), "ttl"));
  KEYHOLD_TRY_ASSIGN(const std::int64_t max_ttl, seconds_member(call.body(), "explicit_max_ttl"));
  return issue(std::move(token), ttl, max_ttl);
}

Answer<Reply> Vault::lookup(const std::string& text) const {
  const auto token = find_token(text);
  if (!token) return refuse(403, "bad token");
  return with_data(
      {{"accessor", token->accessor},
       {"creation_time", token->created_s},
       {"creation_ttl", token->ttl_s},
       {"display_name", token->display_name},
       {"entity_id", ""},
       {"expire_time", token->expires_s == 0 ? json() : json(text_of_time(token->expires_s))},
       {"explicit_max_ttl", 0},
       {"id", text},
       {"issue_time", text_of_time(token->created_s)},
       {"meta", token->role.empty() ? json() : json{{"role_name", token->role}}},
       {"num_uses", token->uses_left},
       {"orphan", !token->role.empty()},
       {"path", token->path},
       {"policies", token->policies},
       {"renewable", token->expires_s != 0},
       {"ttl", token->expires_s == 0 ? 0 : token->expires_s - now_s()},
       {"type", "service"}});
}

Answer<Reply> Vault::renew(const std::string& text) {
  auto token = find_token(text);
  if (!token) return refuse(403, "bad token");
  if (token->expires_s == 0) return refuse(400, "lease is not renewable");
  token->expires_s = std::min(now_s() + token->ttl_s, token->max_expires_s);
  KEYHOLD_TRY(change_logins([&](Logins& logins) -> Answer<void> {
    const auto found = logins.tokens.find(hidden(kPurpose, text));
    if (found != logins.tokens.end()) found->second.expires_s = token->expires_s;
    return {};
  }));
  return with_auth(auth_of(*token, text, token->expires_s - now_s()));
}

Answer<void> Vault::revoke(const std::string& text) {
  return change_logins([&](Logins& logins) -> Answer<void> {
    logins.tokens.erase(hidden(kPurpose, text));
    return {};
  });
}

Answer<Reply> Vault::tokens(const Call& call) {
  const std::string what = call.path.substr(std::string_view("auth/token/").size());
  const bool update = call.operation == "update";
  if (what == "lookup-self" && call.operation == "read") return lookup(call.token_text);
  if (what == "lookup" && update) return lookup(text_member(call.body(), "token"));
  if (what == "renew-self" && update) return renew(call.token_text);
  if (what == "renew" && update) return renew(text_member(call.body(), "token"));
  if (what == "create" && update) return create_token(call);
  if ((what == "revoke-self" || what == "revoke") && update) {
    KEYHOLD_TRY(revoke(what == "revoke" ? text_member(call.body(), "token") : call.token_text));
    return Reply{};
  }
  return refuse_one(404, "unsupported path");
}

}  // namespace keyhold::devcloud::vault
