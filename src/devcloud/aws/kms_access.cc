// Finding a key by the name that a request gives it, and deciding whether the caller may.
#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "devcloud/aws/arn.h"
#include "devcloud/aws/kms.h"

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

tl::unexpected<AwsError> not_found(const std::string& message) {
  return refuse("NotFoundException", message);
}
tl::unexpected<AwsError> invalid(const std::string& message) {
  return refuse("ValidationException", message);
}

bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

// A UUID, or "mrk-" and 32 hexadecimal digits.
bool is_key_id(const std::string& text) {
  if (text.starts_with("mrk-")) {
    return text.size() == 36 && std::all_of(text.begin() + 4, text.end(), is_hex);
  }
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

bool is_gone(const Key& key, WallTime now) {
  return key.state == KeyState::pending_deletion && key.deletion_date && *key.deletion_date <= now;
}

Answer<const Key*> by_arn(const AwsState& state, const std::string& arn, WallTime now) {
  const auto found = state.keys.find(arn);
  if (found == state.keys.end() || is_gone(found->second, now)) {
    return not_found("Key '" + arn + "' does not exist");
  }
  return &found->second;
}

Answer<const Key*> by_alias(const AwsState& state, const std::string& arn, WallTime now) {
  const auto alias = state.aliases.find(arn);
  const auto parsed = parse_arn(arn);
  if (alias == state.aliases.end() || !parsed) return not_found("Alias " + arn + " is not found.");
  return by_arn(state, key_arn(parsed->region, parsed->account, alias->second.key_id), now);
}

std::multimap<std::string, std::string> kms_context(const KmsCall& call,
                                                    const EncryptionContext& encryption) {
  auto context = global_context(call.caller);
  context.emplace("kms:calleraccount", call.caller.principal.account);
  for (const auto& [name, value] : encryption) {
    std::string key = "kms:encryptioncontext:" + name;
    std::ranges::transform(key, key.begin(), [](unsigned char c) { return std::tolower(c); });
    context.emplace(key, value);
    context.emplace("kms:encryptioncontextkeys", name);
  }
  const std::string named = optional_string(call.input, "KeyId");
  const auto arn = parse_arn(named);
  const std::string alias = arn ? arn->resource : named;
  if (alias.starts_with("alias/")) context.emplace("kms:requestalias", alias);
  return context;
}

void add_key_context(const AwsState& state, const Key& key,
                     std::multimap<std::string, std::string>& context) {
  context.emplace("kms:keyorigin", key.origin);
  context.emplace("kms:keyspec", key.spec);
  context.emplace("kms:keyusage", key.usage);
  context.emplace("kms:multiregion", key.multi_region ? "true" : "false");
  for (const auto& [name, alias] : state.aliases) {
    const auto arn = parse_arn(name);
    if (arn && alias.key_id == key.id && arn->region == key.region && arn->account == key.account) {
      context.emplace("kms:resourcealiases", arn->resource);
    }
  }
}

tl::unexpected<AwsError> denied(const KmsCall& call, const std::string& action,
                                const std::string& resource, const std::string& reason) {
  return refuse("AccessDeniedException", "User: " + call.caller.arn() +
                                             " is not authorized to perform: " + action +
                                             " on resource: " + resource + " " + reason);
}

}  // namespace

KeyState state_at(const Key& key, WallTime now) {
  const bool usable = key.state == KeyState::enabled || key.state == KeyState::disabled;
  const bool ended = key.material_expires && *key.material_expires <= now;
  return usable && ended ? KeyState::pending_import : key.state;
}

std::string_view name_of(KeyState state) {
  switch (state) {
    case KeyState::enabled:
      return "Enabled";
    case KeyState::disabled:
      return "Disabled";
    case KeyState::pending_deletion:
      return "PendingDeletion";
    case KeyState::pending_import:
      return "PendingImport";
  }
  return "Unavailable";
}

Answer<void> check_usable(const Key& key, WallTime now) {
  const std::string arn = key_arn(key.region, key.account, key.id);
  switch (state_at(key, now)) {
    case KeyState::enabled:
      return {};
    case KeyState::disabled:
      return refuse("DisabledException", arn + " is disabled.");
    case KeyState::pending_deletion:
      return refuse("KMSInvalidStateException", arn + " is pending deletion.");
    case KeyState::pending_import:
      return refuse("KMSInvalidStateException", arn + " is pending import.");
  }
  return broken("unknown key state");
}

Answer<const Key*> find_key(const AwsState& state, const std::string& account,
                            const std::string& region, const std::string& name, Naming naming,
                            WallTime now) {
  if (!name.starts_with("arn:")) {
    const bool is_alias = name.starts_with("alias/");
    if (is_alias && naming == Naming::key_or_alias) {
      return by_alias(state, alias_arn(region, account, name), now);
    }
    if (is_alias || !is_key_id(name)) return not_found("Invalid keyId '" + name + "'");
    return by_arn(state, key_arn(region, account, name), now);
  }
  const auto arn = parse_arn(name);
  if (!arn || arn->service != "kms") return refuse("InvalidArnException", "Invalid arn " + name);
  if (arn->region != region) return not_found("Invalid arn " + arn->region);
  if (!arn->resource.starts_with("alias/")) return by_arn(state, name, now);
  if (naming == Naming::key_or_alias) return by_alias(state, name, now);
  return refuse("InvalidArnException", name + " is an alias; this operation takes a key's ARN");
}

Answer<void> check_allowed(const KmsCall& call, const Key& key, const std::string& action,
                           const EncryptionContext& context) {
  const std::string arn = key_arn(key.region, key.account, key.id);
  PolicyRequest request{call.caller.principal, action, arn, kms_context(call, context)};
  add_key_context(*call.state, key, request.context);
  const Decision decision = decide(*call.state, call.caller, request, key.policy, key.account);
  if (decision.allowed) return {};
  return denied(call, action, arn, decision.reason);
}

Answer<void> check_allowed_anywhere(const KmsCall& call, const std::string& action) {
  const PolicyRequest request{call.caller.principal, action, "*", kms_context(call, {})};
  const Decision decision = decide_by_identity(*call.state, call.caller, request);
  if (decision.allowed) return {};
  return denied(call, action, "*", decision.reason);
}

Answer<const Key*> allowed_key(const KmsCall& call, const std::string& action, Naming naming,
                               const EncryptionContext& context) {
  KEYHOLD_TRY_ASSIGN(const std::string name, string_member(call.input, "KeyId"));
  KEYHOLD_TRY_ASSIGN(const Key* const key, find_key(*call.state, call.caller.principal.account,
                                                    call.region, name, naming, call.now));
  KEYHOLD_TRY(check_allowed(call, *key, action, context));
  return key;
}

std::string Kms::resource_of(const KmsCall& call) {
  std::string name = optional_string(call.input, "KeyId");
  for (const char* other : {"DestinationKeyId", "TargetKeyId"}) {
    if (name.empty()) name = optional_string(call.input, other);
  }
  if (name.empty()) {
    const auto blob = blob_member(call.input, "CiphertextBlob", 6144);
    const auto parsed = blob ? parse_ciphertext(*blob) : std::nullopt;
    if (!parsed) return {};
    for (const auto& [arn, key] : call.state->keys) {
      if (key.id == parsed->key_id && key.region == call.region) return arn;
    }
    return {};
  }
  const auto key = find_key(*call.state, call.caller.principal.account, call.region, name,
                            Naming::key_or_alias, call.now);
  return key ? key_arn((*key)->region, (*key)->account, (*key)->id) : std::string();
}

Answer<std::string> string_member(const json& input, const char* name) {
  const auto found = input.find(name);
  if (found == input.end() || !found->is_string() || found->get<std::string>().empty()) {
    return invalid("1 validation error detected: Value at '" + std::string(name) +
                   "' failed to satisfy constraint: Member must not be null");
  }
  return found->get<std::string>();
}

std::string optional_string(const json& input, const char* name) {
  const auto found = input.find(name);
  return found != input.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Answer<ByteVector> blob_member(const json& input, const char* name, std::size_t max_bytes) {
  KEYHOLD_TRY_ASSIGN(const std::string text, string_member(input, name));
  auto bytes = from_base64(text);
  if (!bytes) return refuse("SerializationException", std::string(name) + " is no base64");
  if (bytes->empty() || bytes->size() > max_bytes) {
    return invalid(
        "1 validation error detected: Value at '" + std::string(name) +
        "' failed to satisfy constraint: Member must have length less than or equal to " +
        std::to_string(max_bytes));
  }
  return *std::move(bytes);
}

Answer<EncryptionContext> context_member(const json& input, const char* name) {
  const auto found = input.find(name);
  EncryptionContext context;
  if (found == input.end() || found->is_null()) return context;
  if (!found->is_object()) return invalid(std::string(name) + " is no map");
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string())
      return invalid(std::string(name) + " holds something else than strings");
    context[key] = value.get<std::string>();
  }
  return context;
}

}  // namespace keyhold::devcloud::aws
