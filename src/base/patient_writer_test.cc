#include "base/patient_writer.h"

#include <array>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace keyhold {
namespace {

// A pipe whose reading end is read only by drain().
class PatientWriterTest : public testing::Test {
 public:
  PatientWriterTest() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~PatientWriterTest() override {
    for (const int end : ends_) ::close(end);
  }

 protected:
  std::string drain() const {
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = ::read(ends_[0], piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<std::size_t>(got));
    }
    return all;
  }

  std::array<int, 2> ends_{};
};

TEST_F(PatientWriterTest, LinesComeOutWhole) {
  PatientWriter writer(ends_[1]);
  const std::string longer(10'000, 'x');
  writer.write("one\n");
  writer.write(longer + "\n");
  EXPECT_EQ(drain(), "one\n" + longer + "\n");
}

// Without patience for a reader that has none, this test would never end.
TEST_F(PatientWriterTest, NobodyWaitsForAReaderThatReadsNothing) {
  PatientWriter writer(ends_[1]);
  const std::string line(999, 'x');
  for (int i = 0; i < 10'000; ++i) writer.write(line + "\n");
  const std::string before = drain();
  EXPECT_LT(before.size(), 1'000U * 1'000U);
  writer.write("again\n");
  const std::string after = drain();
  EXPECT_NE(after.find(" lines were dropped here: nobody read them\nagain\n"), std::string::npos);
  writer.write("and on\n");
  EXPECT_EQ(drain(), "and on\n");
}

TEST_F(PatientWriterTest, AClosedDescriptorIsIgnored) {
  PatientWriter writer(-1);
  writer.write("nobody\n");
}

}  // namespace
}  // namespace keyhold
