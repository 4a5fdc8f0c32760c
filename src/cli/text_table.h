// Columns for people.
#pragma once

#include <string>
#include <vector>

namespace keyhold::cli {

// One line a row, each column as wide as its widest cell, two spaces between; the last is not
// padded. Widths are counted in characters of UTF-8.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

// Characters of UTF-8 (not bytes).
std::size_t display_width(const std::string& text);

// The text with control characters replaced by '?', so that a name on disk cannot drive a terminal.
std::string printable(std::string text);
// The same for text of several lines.
std::string printable_lines(std::string text);

}  // namespace keyhold::cli
