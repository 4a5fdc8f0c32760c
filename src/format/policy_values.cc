// The values of a policy's keys: from TOML, from a user's text, and back.
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/duration.h"
#include "format/policy_keys.h"

namespace keyhold::format {
namespace {

using std::chrono::milliseconds;

tl::unexpected<Error> not_that(const std::string& what) {
  return fail(Code::invalid_argument, what);
}

auto value_in(Policy policy, const auto& field) {
  return field.in(policy);
}

std::string share_text(double share) {
  std::array<char, 32> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), share);
  return {text.data(), written.ptr};
}

milliseconds whole(nanoseconds span) {
  return std::chrono::duration_cast<milliseconds>(span);
}

std::string range_of(const DurationField& field) {
  return "a duration from " + format_duration(field.least) + " to " + format_duration(field.most) +
         ", as \"1h\", \"3s\" or \"500ms\"";
}
std::string range_of(const ShareField& field) {
  return "a number from " + share_text(field.least) + " to " + share_text(field.most);
}
std::string range_of(const CountField& field) {
  return "a whole number from " + std::to_string(field.least) + " to " + std::to_string(field.most);
}
std::string range_of(const ChoiceField& field) {
  return "\"" + std::string(field.first) + "\" or \"" + std::string(field.second) + "\"";
}
std::string range_of(const TextField&) {
  return "a text";
}

struct SetText {
  Policy& policy;
  std::string_view text;

  Status operator()(const DurationField& field) const {
    const auto span = parse_duration(text);
    if (!span || *span < field.least || *span > field.most) return not_that(range_of(field));
    field.in(policy) = *span;
    return {};
  }
  Status operator()(const ShareField& field) const {
    double share = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    const bool number = error == std::errc() && end == text.data() + text.size();
    if (number && share >= field.least && share <= field.most) {
      field.in(policy) = share;
      return {};
    }
    return not_that(range_of(field));
  }
  Status operator()(const CountField& field) const {
    unsigned count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const bool number = error == std::errc() && end == text.data() + text.size();
    if (!number || count < field.least || count > field.most) return not_that(range_of(field));
    field.in(policy) = count;
    return {};
  }
  Status operator()(const ChoiceField& field) const {
    if (text != field.first && text != field.second) return not_that(range_of(field));
    field.set_second(policy, text == field.second);
    return {};
  }
  Status operator()(const TextField& field) const {
    KEYHOLD_TRY(field.check(text));
    field.in(policy) = text;
    return {};
  }
};

// Whether a leaf is of the kind that a field is written as; its value as a user's text.
std::optional<std::string> text_of(const TomlLeaf& leaf, const PolicyKey& key) {
  const bool share = std::holds_alternative<ShareField>(key.field);
  const bool count = std::holds_alternative<CountField>(key.field);
  if (const auto* whole_number = std::get_if<std::int64_t>(&leaf.value); share || count) {
    if (whole_number != nullptr) return std::to_string(*whole_number);
    const auto* number = std::get_if<double>(&leaf.value);
    return share && number != nullptr ? std::optional(share_text(*number)) : std::nullopt;
  }
  const auto* text = std::get_if<std::string>(&leaf.value);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

}  // namespace

Status set_field(Policy& policy, const PolicyKey& key, std::string_view text) {
  const Status set = std::visit(SetText{policy, text}, key.field);
  if (set) return {};
  return not_that("\"" + std::string(text) + "\" will not do: " + set.error().message());
}

Status set_field(Policy& policy, const PolicyKey& key, const TomlLeaf& leaf) {
  const auto text = text_of(leaf, key);
  if (text) return set_field(policy, key, *text);
  return not_that("it is " +
                  std::visit([](const auto& field) { return range_of(field); }, key.field));
}

Status check_field(const Policy& policy, const PolicyKey& key) {
  Policy copy = policy;
  KEYHOLD_TRY(set_field(copy, key, field_text(policy, key)));
  if (copy == policy) return {};
  return not_that("it is finer than a millisecond");
}

std::string field_text(const Policy& policy, const PolicyKey& key) {
  struct Text {
    const Policy& policy;
    std::string operator()(const DurationField& field) const {
      return format_duration(whole(value_in(policy, field)));
    }
    std::string operator()(const ShareField& field) const {
      return share_text(value_in(policy, field));
    }
    std::string operator()(const CountField& field) const {
      return std::to_string(value_in(policy, field));
    }
    std::string operator()(const ChoiceField& field) const {
      return std::string(field.is_second(policy) ? field.second : field.first);
    }
    std::string operator()(const TextField& field) const { return value_in(policy, field); }
  };
  return std::visit(Text{policy}, key.field);
}

std::string field_toml(const Policy& policy, const PolicyKey& key) {
  const std::string text = field_text(policy, key);
  if (std::holds_alternative<ShareField>(key.field) ||
      std::holds_alternative<CountField>(key.field)) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace keyhold::format
