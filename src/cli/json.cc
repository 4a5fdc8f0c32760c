#include "cli/json.h"

#include <nlohmann/json.hpp>

#include "cli/units.h"

namespace keyhold::cli {
namespace {

std::string quote(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Json::Json(WallTime time) : Json() {
  if (time == WallTime::max()) return;
  kind_ = Kind::string;
  text_ = format_time(time);
}

Json& Json::set(std::string name, Json value) {
  names_.push_back(std::move(name));
  items_.push_back(std::move(value));
  return *this;
}

Json& Json::add(Json value) {
  items_.push_back(std::move(value));
  return *this;
}

std::string Json::dump(bool one_line) const {
  std::string out;
  write(out, 0, one_line);
  return out;
}

void Json::write(std::string& out, int depth, bool one_line) const {
  if (kind_ == Kind::literal || kind_ == Kind::string) {
    out += kind_ == Kind::literal ? text_ : quote(text_);
    return;
  }
  const bool is_object = kind_ == Kind::object;
  out += is_object ? '{' : '[';
  const auto new_line = [&](int indent) {
    if (!one_line) out.append("\n").append(static_cast<std::size_t>(indent) * 2, ' ');
  };
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (i > 0) out += one_line ? ", " : ",";
    new_line(depth + 1);
    if (is_object) out.append(quote(names_.at(i))).append(": ");
    items_.at(i).write(out, depth + 1, one_line);
  }
  if (!items_.empty()) new_line(depth);
  out += is_object ? '}' : ']';
}

}  // namespace keyhold::cli
