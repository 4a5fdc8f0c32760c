#include "crypto/test_vectors.h"

#include <charconv>
#include <fstream>
#include <ostream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace keyhold::crypto {
namespace {

using Fields = std::map<std::string, std::string>;

std::ifstream open_vectors(const std::string& file) {
  const std::string path = std::string(KEYHOLD_VECTORS_DIR) + "/" + file;
  std::ifstream in(path);
  EXPECT_TRUE(in.is_open()) << "no test vectors at " << path << ": run scripts/vectors";
  return in;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return std::string(text.substr(from, text.find_last_not_of(kBlank) - from + 1));
}

std::pair<std::string, std::string> name_and_value(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return {trimmed(line), ""};
  return {trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1))};
}

void run(Vector vector, const VectorCheck& check, VectorCount& count) {
  SCOPED_TRACE(vector.source());
  check(vector);
  if (vector.left_out()) {
    ++count.left_out;
    return;
  }
  for (const std::string& name : vector.unread()) ADD_FAILURE() << "nobody read " << name;
  ++count.checked;
}

// Cuts a text file into vectors.
class TextReader {
 public:
  TextReader(std::string file, std::string_view first_field, const VectorCheck& check)
      : file_(std::move(file)), first_field_(first_field), check_(check) {}

  void line(const std::string& text) {
    if (text.empty() || text.front() == '#') return;
    if (text.front() == '[') {
      header(std::string_view(text).substr(1, text.size() - 2));
      return;
    }
    auto [name, value] = name_and_value(text);
    if (name == first_field_) finish_vector();
    vector_.insert_or_assign(std::move(name), std::move(value));
  }

  VectorCount finish() {
    finish_vector();
    return count_;
  }

 private:
  void header(std::string_view text) {
    finish_vector();
    auto [name, value] = name_and_value(text);
    if (text.find('=') == std::string_view::npos) {
      headers_.insert_or_assign("section", name);
    } else {
      headers_.insert_or_assign(std::move(name), std::move(value));
    }
  }

  void finish_vector() {
    if (vector_.empty()) return;
    const std::size_t index = count_.checked + count_.left_out + 1;
    vector_.insert(headers_.begin(), headers_.end());
    run(Vector(file_ + ", vector " + std::to_string(index), std::exchange(vector_, {})), check_,
        count_);
  }

  std::string file_;
  std::string_view first_field_;
  const VectorCheck& check_;
  Fields headers_;
  Fields vector_;
  VectorCount count_;
};

std::string json_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void add_members(const nlohmann::json& object, const std::string& prefix, Fields& fields) {
  for (const auto& [name, value] : object.items()) {
    if (name != "tests") fields.emplace(prefix + name, json_text(value));
  }
}

}  // namespace

bool Vector::has(const std::string& name) {
  const bool there = fields_.contains(name);
  if (there) read_.insert(name);
  return there;
}

std::string Vector::text(const std::string& name) {
  if (has(name)) return fields_.at(name);
  ADD_FAILURE() << "no field " << name;
  return {};
}

ByteVector Vector::bytes(const std::string& name) {
  auto decoded = from_hex(text(name));
  EXPECT_TRUE(decoded.has_value()) << name << " is not hexadecimal";
  return std::move(decoded).value_or(ByteVector{});
}

std::size_t Vector::number(const std::string& name) {
  const std::string digits = text(name);
  std::size_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  EXPECT_EQ(parsed.ptr, digits.data() + digits.size()) << name << " is no number: " << digits;
  return value;
}

void Vector::pass_over(std::initializer_list<const char*> names) {
  for (const char* name : names) read_.insert(name);
}

std::vector<std::string> Vector::unread() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : fields_) {
    if (!read_.contains(name)) names.push_back(name);
  }
  return names;
}

std::ostream& operator<<(std::ostream& out, const VectorCount& count) {
  return out << count.checked << " checked, " << count.left_out << " left out";
}

VectorCount check_text_vectors(const std::string& file, std::string_view first_field,
                               const VectorCheck& check) {
  std::ifstream in = open_vectors(file);
  TextReader reader(file, first_field, check);
  for (std::string line; std::getline(in, line);) reader.line(trimmed(line));
  return reader.finish();
}

VectorCount check_wycheproof(const std::string& file, const VectorCheck& check) {
  VectorCount count;
  std::ifstream in = open_vectors(file);
  if (!in) return count;
  const auto document = nlohmann::json::parse(in);
  for (const auto& group : document.at("testGroups")) {
    for (const auto& test : group.at("tests")) {
      Fields fields;
      add_members(group, "group.", fields);
      add_members(test, "", fields);
      run(Vector(file + ", tcId " + json_text(test.at("tcId")), std::move(fields)), check, count);
    }
  }
  EXPECT_EQ(count.checked + count.left_out, document.at("numberOfTests").get<std::size_t>());
  return count;
}

}  // namespace keyhold::crypto
