// The user's editor on a text.
#pragma once

#include <string>

#include "base/error.h"

namespace keyhold::cli {

// A file of the user's alone (0600) among the temporary ones, for an editor. Stays unless remove()
// is called.
class EditedText {
 public:
  // `suffix` ends the name, for the editor's sake: ".toml".
  static Result<EditedText> create(const std::string& text, const std::string& suffix);

  // Runs $VISUAL, else $EDITOR, else vi on it, and waits. Words of the variable are split at
  // spaces; no shell runs. Code::invalid_argument where the editor cannot be started, Code::io
  // where it ends with a failure.
  Status edit() const;
  // What stands there now. Code::invalid_argument above `limit_bytes`.
  [[nodiscard]] Result<std::string> text(std::size_t limit_bytes) const;
  void remove() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit EditedText(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace keyhold::cli
