#include "crypto/labels.h"

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace keyhold::crypto::labels {
namespace {

TEST(Labels, NoneIsThePrefixOfAnother) {
  for (std::size_t a = 0; a < kAll.size(); ++a) {
    for (std::size_t b = 0; b < kAll.size(); ++b) {
      if (a != b) {
        EXPECT_FALSE(kAll.at(b).starts_with(kAll.at(a))) << kAll.at(a) << " begins " << kAll.at(b);
      }
    }
  }
}

TEST(Labels, EveryOneCarriesTheProductAndTheVersion) {
  for (const std::string_view label : kAll) EXPECT_TRUE(label.starts_with("keyhold/1 ")) << label;
}

TEST(Labels, ListNamesEveryLabelOfTheHeader) {
  std::ifstream header(KEYHOLD_SOURCE_DIR "/src/crypto/labels.h");
  std::stringstream text;
  text << header.rdbuf();
  const std::string source = text.str();
  std::size_t literals = 0;
  for (std::size_t at = source.find("\"keyhold/"); at != std::string::npos;
       at = source.find("\"keyhold/", at + 1)) {
    ++literals;
  }
  EXPECT_EQ(literals, kAll.size());
}

}  // namespace
}  // namespace keyhold::crypto::labels
