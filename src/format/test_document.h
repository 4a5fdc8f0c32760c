// The worked examples of a format document, for the tests that compare them with the code.
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace keyhold::format {

// The blocks ```hex NAME of a document: hexadecimal up to a #, white space aside.
inline std::map<std::string, ByteVector> hex_blocks(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.is_open()) << path;
  std::map<std::string, std::string> text;
  std::string name;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      name = line.starts_with("```hex ") ? line.substr(7) : "";
    } else if (!name.empty()) {
      std::istringstream words(line.substr(0, line.find('#')));
      for (std::string word; words >> word;) text[name] += word;
    }
  }
  std::map<std::string, ByteVector> blocks;
  for (const auto& [block, hex] : text) blocks[block] = from_hex(hex).value();
  return blocks;
}

}  // namespace keyhold::format
