#include "format/policy.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/duration.h"
#include "base/suggest.h"
#include "format/policy_keys.h"

namespace keyhold::format {
namespace {

// Refusing, draining and wiping, beyond the engine's stop.
constexpr nanoseconds kWipeAllowance = std::chrono::milliseconds(500);

constexpr std::string_view kHeading =
    "# The policy of this store (docs/formats/policy.md). Its key ring pins these very bytes: "
    "change\n"
    "# them with `keyhold store policy set|edit`, or the strictest policy rules.\n";

std::string text_of(nanoseconds span) {
  return format_duration(std::chrono::ceil<std::chrono::milliseconds>(span));
}

const PolicyKey* find_key(std::string_view name) {
  const auto table = policy_key_table();
  const auto found = std::ranges::find(table, name, &PolicyKey::name);
  return found == table.end() ? nullptr : &*found;
}

// "grace" is not near "lease.grace" by letters, but it is what was meant.
std::string unknown_key(std::string_view name) {
  const std::vector<std::string> keys = policy_keys();
  const auto unqualified = std::ranges::find_if(
      keys, [&](const std::string& key) { return key.ends_with("." + std::string(name)); });
  return std::string(name) + " is no key of a policy" +
         (unqualified == keys.end() ? suggestion(name, keys)
                                    : "; did you mean " + *unqualified + "?");
}

// A rule between several keys; named is the one to change.
struct Contradiction {
  std::string_view key;
  std::string what;
};

nanoseconds longest_interval(const LeaseRules& lease) {
  return std::chrono::duration_cast<nanoseconds>(lease.probe_interval * (1 + lease.probe_jitter));
}

// A host that is well completes a probe in every interval and deadline; it must not seal for that.
nanoseconds least_stuck_after(const LeaseRules& lease) {
  return longest_interval(lease) + 2 * lease.probe_deadline;
}

std::optional<Contradiction> find_contradiction(const Policy& policy) {
  if (policy.lease.stuck_after < least_stuck_after(policy.lease)) {
    return Contradiction{"lease.stuck_after", "it must be at least " +
                                                  text_of(least_stuck_after(policy.lease)) +
                                                  ", the longest interval between probes and two "
                                                  "of their deadlines"};
  }
  if (policy.alerts.webhook.empty() && !policy.alerts.token_file.empty()) {
    return Contradiction{"alerts.token_file", "there is no alerts.webhook that it is for"};
  }
  if (policy.alerts.webhook.empty() && !policy.alerts.ca_file.empty()) {
    return Contradiction{"alerts.ca_file", "there is no alerts.webhook that it is for"};
  }
  return std::nullopt;
}

std::string at(std::string_view file, std::uint32_t line, std::string_view key) {
  return std::string(file) + ":" + std::to_string(line) + ": " + std::string(key) + ": ";
}

// Bytes beyond ASCII have become question marks on the way.
bool lost_letters(const TomlLeaf& leaf, bool ascii) {
  const auto* text = std::get_if<std::string>(&leaf.value);
  return !ascii && text != nullptr && text->find('?') != std::string::npos;
}

Status read_leaf(Policy& policy, const TomlLeaf& leaf, bool ascii, std::string_view file) {
  const PolicyKey* const key = find_key(leaf.name);
  if (key == nullptr) {
    return fail(Code::invalid_argument, std::string(file) + ":" + std::to_string(leaf.line) + ": " +
                                            unknown_key(leaf.name));
  }
  const Status set = lost_letters(leaf, ascii)
                         ? fail(Code::invalid_argument, "only ASCII can stand in a value")
                         : set_field(policy, *key, leaf);
  if (set) return {};
  return fail(Code::invalid_argument, at(file, leaf.line, leaf.name) + set.error().message());
}

// Where the key stands, else the first that has to do with it, else no line.
std::string place_of(const Contradiction& broken, const std::vector<TomlLeaf>& leaves,
                     std::string_view file) {
  auto leaf = std::ranges::find(leaves, broken.key, &TomlLeaf::name);
  if (leaf == leaves.end())
    leaf = std::ranges::find(leaves, "lease.probe_interval", &TomlLeaf::name);
  const std::uint32_t line = leaf == leaves.end() ? 1 : leaf->line;
  return at(file, line, broken.key);
}

}  // namespace

Policy strictest_policy() {
  Policy policy;
  policy.lease.grace = nanoseconds::zero();
  policy.lease.ambiguous = AmbiguousRule::denial;
  policy.lease.seal_when = SealWhen::any_denied;
  return policy;
}

Result<Policy> parse_policy(ByteView text, std::string_view file) {
  if (text.size() > kMaxPolicySizeBytes) {
    return fail(Code::invalid_argument, std::string(file) + ": longer than " +
                                            std::to_string(kMaxPolicySizeBytes) + " bytes");
  }
  KEYHOLD_TRY_ASSIGN(const auto leaves, parse_toml(text, file));
  const bool ascii = std::ranges::none_of(text, [](std::uint8_t byte) { return byte >= 0x80; });
  Policy policy;
  for (const TomlLeaf& leaf : leaves) KEYHOLD_TRY(read_leaf(policy, leaf, ascii, file));
  if (const auto broken = find_contradiction(policy)) {
    return fail(Code::invalid_argument, place_of(*broken, leaves, file) + broken->what);
  }
  return policy;
}

std::string serialize_policy(const Policy& policy) {
  std::string text(kHeading);
  std::string_view table;
  for (const PolicyKey& key : policy_key_table()) {
    const std::size_t dot = key.name.find('.');
    if (table != key.name.substr(0, dot)) {
      table = key.name.substr(0, dot);
      text += "\n[" + std::string(table) + "]\n";
    }
    text += "# " + std::string(key.note) + "\n" + std::string(key.name.substr(dot + 1)) + " = " +
            field_toml(policy, key) + "\n";
  }
  return text;
}

Status check_policy(const Policy& policy) {
  for (const PolicyKey& key : policy_key_table()) {
    if (const Status checked = check_field(policy, key); !checked) {
      return fail(checked.error().within(key.name));
    }
  }
  const auto broken = find_contradiction(policy);
  if (!broken) return {};
  return fail(Code::invalid_argument, std::string(broken->key) + ": " + broken->what);
}

std::vector<std::string> policy_keys() {
  std::vector<std::string> keys;
  for (const PolicyKey& key : policy_key_table()) keys.emplace_back(key.name);
  return keys;
}

Result<std::string> policy_value(const Policy& policy, std::string_view key) {
  const PolicyKey* const found = find_key(key);
  if (found == nullptr) return fail(Code::invalid_argument, unknown_key(key));
  return field_text(policy, *found);
}

Status set_policy_value(Policy& policy, std::string_view key, std::string_view value) {
  const PolicyKey* const found = find_key(key);
  if (found == nullptr) return fail(Code::invalid_argument, unknown_key(key));
  const Status set = set_field(policy, *found, value);
  return set ? Status() : fail(set.error().within(key));
}

std::vector<std::string> policy_differences(const Policy& before, const Policy& after) {
  std::vector<std::string> differences;
  for (const PolicyKey& key : policy_key_table()) {
    const std::string old_text = field_text(before, key);
    const std::string new_text = field_text(after, key);
    if (old_text == new_text) continue;
    std::string difference(key.name);
    differences.push_back(difference.append(" ").append(old_text).append(" → ").append(new_text));
  }
  return differences;
}

nanoseconds denial_bound(const Policy& policy) {
  const LeaseRules& lease = policy.lease;
  // Probes that take their whole deadline follow each other; beyond two deadlines more the lease
  // does not wait for them.
  const nanoseconds tries =
      lease.retry_interval +
      (lease.confirm_probes - 1) * std::max(lease.retry_interval, lease.probe_deadline) +
      lease.probe_deadline;
  const nanoseconds confirmed =
      std::clamp(tries, lease.confirm_after, lease.confirm_after + 2 * lease.probe_deadline);
  return longest_interval(lease) + lease.probe_deadline + confirmed + policy.engine.fence_timeout +
         kWipeAllowance;
}

}  // namespace keyhold::format
