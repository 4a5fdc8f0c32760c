// The keys of a policy as data: one row each, from which parsing, checking and writing are made.
// Only policy*.cc use it.
#pragma once

#include <span>
#include <variant>

#include "format/policy.h"
#include "format/toml_leaves.h"

namespace keyhold::format {

struct DurationField {
  nanoseconds& (*in)(Policy& policy);
  std::chrono::milliseconds least, most;
};
struct ShareField {
  double& (*in)(Policy& policy);
  double least, most;
};
struct CountField {
  unsigned& (*in)(Policy& policy);
  unsigned least, most;
};
struct ChoiceField {
  std::string_view first, second;  // the default is the first
  bool (*is_second)(const Policy& policy);
  void (*set_second)(Policy& policy, bool second);
};
struct TextField {
  std::string& (*in)(Policy& policy);
  Status (*check)(std::string_view text);
};

struct PolicyKey {
  std::string_view name;  // with its table
  std::string_view note;  // the comment above it
  std::variant<DurationField, ShareField, CountField, ChoiceField, TextField> field;
};

std::span<const PolicyKey> policy_key_table();

// Code::invalid_argument for what the field does not take; the message does not name the key.
Status set_field(Policy& policy, const PolicyKey& key, const TomlLeaf& leaf);
Status set_field(Policy& policy, const PolicyKey& key, std::string_view text);
Status check_field(const Policy& policy, const PolicyKey& key);
// As a user writes it, without quotes.
std::string field_text(const Policy& policy, const PolicyKey& key);
// As TOML has it.
std::string field_toml(const Policy& policy, const PolicyKey& key);

}  // namespace keyhold::format
