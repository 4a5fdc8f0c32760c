// Third-party test vectors, read so that a field which no test looked at is a failure: an ignored
// field is an ignored condition.
#pragma once

#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace keyhold::crypto {

// One vector: names and values as text, those of its group's header among them. Reading a field
// that is not there, or not of that kind, fails the running test.
class Vector {
 public:
  Vector(std::string source, std::map<std::string, std::string> fields)
      : source_(std::move(source)), fields_(std::move(fields)) {}

  // File and number, for messages.
  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] bool has(const std::string& name);
  [[nodiscard]] std::string text(const std::string& name);
  [[nodiscard]] ByteVector bytes(const std::string& name);
  [[nodiscard]] std::size_t number(const std::string& name);
  // Numbering and prose: read, and of no consequence.
  void pass_over(std::initializer_list<const char*> names);
  // Takes the whole vector out of the test: it is of something that Keyhold does not do.
  void leave_out() { left_out_ = true; }

  [[nodiscard]] bool left_out() const { return left_out_; }
  [[nodiscard]] std::vector<std::string> unread() const;

 private:
  std::string source_;
  std::map<std::string, std::string> fields_;
  std::set<std::string> read_;
  bool left_out_ = false;
};

using VectorCheck = std::function<void(Vector&)>;

// How many vectors of a file were checked and how many left out.
struct VectorCount {
  std::size_t checked = 0;
  std::size_t left_out = 0;
  friend bool operator==(const VectorCount&, const VectorCount&) = default;
};
std::ostream& operator<<(std::ostream& out, const VectorCount& count);

// Both run `check` over every vector of a file under KEYHOLD_VECTORS_DIR. A field left unread fails
// the running test, and so does a file that is not there ("run scripts/vectors").

// Lines "NAME = VALUE", each vector beginning with `first_field`; "[NAME = VALUE]" holds for the
// vectors that follow; a bare word is a field without a value ("FAIL"), in brackets the "section".
VectorCount check_text_vectors(const std::string& file, std::string_view first_field,
                               const VectorCheck& check);

// Wycheproof's JSON. A group's members come as "group.NAME".
VectorCount check_wycheproof(const std::string& file, const VectorCheck& check);

}  // namespace keyhold::crypto
