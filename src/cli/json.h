// A value to be printed as JSON. Field order is kept: it is part of the documented output.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace keyhold::cli {

class Json {
 public:
  static Json object() { return Json(Kind::object); }
  static Json array() { return Json(Kind::array); }

  Json() : kind_(Kind::literal), text_("null") {}
  Json(bool value) : kind_(Kind::literal), text_(value ? "true" : "false") {}
  template <std::integral T>
  Json(T value) : kind_(Kind::literal), text_(std::to_string(value)) {}
  Json(std::string_view text) : kind_(Kind::string), text_(text) {}
  Json(const std::string& text) : kind_(Kind::string), text_(text) {}
  Json(const char* text) : kind_(Kind::string), text_(text) {}
  // RFC 3339 in UTC, whole seconds; null for a time that never comes.
  Json(WallTime time);

  // REQUIRES: an object; each name once.
  Json& set(std::string name, Json value);
  // REQUIRES: an array.
  Json& add(Json value);

  // Indented over several lines, or on one. Bytes that are not UTF-8 become U+FFFD.
  [[nodiscard]] std::string dump(bool one_line = false) const;

 private:
  enum class Kind : unsigned char { literal, string, array, object };
  explicit Json(Kind kind) : kind_(kind) {}
  void write(std::string& out, int depth, bool one_line) const;

  Kind kind_;
  std::string text_;
  std::vector<std::string> names_;  // of an object's items
  std::vector<Json> items_;
};

}  // namespace keyhold::cli
