#include "cloud/aws/conditions.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace keyhold::cloud::aws {
namespace {

using nlohmann::json;
using Context = std::multimap<std::string, std::string>;

struct Comparison {
  std::string_view name;
  bool negated;
  bool (*is_same)(const std::string& wanted, const std::string& value);
};

bool equal(const std::string& wanted, const std::string& value) {
  return wanted == value;
}
bool equal_any_case(const std::string& wanted, const std::string& value) {
  return to_lower(wanted) == to_lower(value);
}
bool alike(const std::string& wanted, const std::string& value) {
  return matches_wildcard(wanted, value);
}

constexpr std::array<Comparison, 11> kComparisons = {{
    {"StringEquals", false, equal},
    {"StringNotEquals", true, equal},
    {"StringEqualsIgnoreCase", false, equal_any_case},
    {"StringNotEqualsIgnoreCase", true, equal_any_case},
    {"StringLike", false, alike},
    {"StringNotLike", true, alike},
    {"ArnEquals", false, alike},
    {"ArnLike", false, alike},
    {"ArnNotEquals", true, alike},
    {"ArnNotLike", true, alike},
    {"Bool", false, equal_any_case},
}};

struct Operator {
  enum class Over : std::uint8_t { one, any, all } over = Over::one;
  bool if_exists = false;
  bool is_null = false;
  const Comparison* comparison = nullptr;
};

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<Operator> parse_operator(std::string_view name) {
  Operator out;
  if (take_prefix(name, "ForAnyValue:")) out.over = Operator::Over::any;
  if (take_prefix(name, "ForAllValues:")) out.over = Operator::Over::all;
  if (name == "Null") {
    out.is_null = true;
    return out;
  }
  if (name.ends_with("IfExists")) {
    out.if_exists = true;
    name.remove_suffix(std::string_view("IfExists").size());
  }
  const auto found = std::ranges::find(kComparisons, name, &Comparison::name);
  if (found == kComparisons.end()) return std::nullopt;
  out.comparison = &*found;
  return out;
}

// A string or a boolean, or a list of them.
std::vector<std::string> values_of(const json& value) {
  const json list = value.is_array() ? value : json::array({value});
  std::vector<std::string> out;
  for (const json& item : list) {
    if (item.is_boolean()) out.emplace_back(item.get<bool>() ? "true" : "false");
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

bool holds(const Operator& how, const std::vector<std::string>& wanted,
           const std::vector<std::string>& values) {
  if (how.is_null) {
    const bool should_be_null = !wanted.empty() && to_lower(wanted.front()) == "true";
    return values.empty() == should_be_null;
  }
  if (values.empty()) {
    // ForAllValues holds over nothing; what is not there is not equal either.
    return how.if_exists || how.over == Operator::Over::all ||
           (how.over == Operator::Over::one && how.comparison->negated);
  }
  const auto fits = [&](const std::string& value) {
    const bool is_one = std::ranges::any_of(wanted, [&](const std::string& candidate) {
      return how.comparison->is_same(candidate, value);
    });
    return is_one != how.comparison->negated;
  };
  return how.over == Operator::Over::all ? std::ranges::all_of(values, fits)
                                         : std::ranges::any_of(values, fits);
}

}  // namespace

bool conditions_hold(const json& statement, const Context& context) {
  if (!statement.contains("Condition")) return true;
  for (const auto& [name, keys] : statement["Condition"].items()) {
    const auto how = parse_operator(name);
    if (!how) return false;
    for (const auto& [key, wanted] : keys.items()) {
      const auto [begin, end] = context.equal_range(to_lower(key));
      std::vector<std::string> values;
      std::transform(begin, end, std::back_inserter(values),
                     [](const auto& item) { return item.second; });
      if (!holds(*how, values_of(wanted), values)) return false;
    }
  }
  return true;
}

std::optional<std::string> wrong_conditions(const json& statement) {
  if (!statement.contains("Condition")) return std::nullopt;
  const json& conditions = statement["Condition"];
  if (!conditions.is_object()) return "a Condition is an object";
  for (const auto& [name, keys] : conditions.items()) {
    if (!parse_operator(name)) return "invalid condition operator " + name;
    if (!keys.is_object()) return "a condition operator has an object of keys";
    for (const auto& [key, wanted] : keys.items()) {
      if (key.find(':') == std::string::npos) return "invalid condition key " + key;
      if (values_of(wanted).empty()) return "the condition key " + key + " has no value";
    }
  }
  return std::nullopt;
}

}  // namespace keyhold::cloud::aws
