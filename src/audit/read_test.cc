#include "audit/read.h"

#include "audit/test_log.h"

namespace keyhold::audit {
namespace {

class ReadTest : public LogTest {
 protected:
  void write(int records) {
    LogOptions options = patient();
    options.max_segment_bytes = 1000;
    const auto log = open_log(files_, clock_, options);
    for (int i = 1; i <= records; ++i) log->append(probe(i));
  }
  std::vector<std::uint64_t> numbers_from(std::uint64_t first, std::size_t limit = 1000) {
    std::vector<std::uint64_t> numbers;
    EXPECT_TRUE(read_log(files_, kDirectory, first, [&](const Line&, const Record* record) {
      numbers.push_back(record != nullptr ? record->seq : 0);
      return numbers.size() < limit;
    }));
    return numbers;
  }
};

TEST_F(ReadTest, NoLogIsNotFound) {
  EXPECT_EQ(read_log(files_, kDirectory, 1, {}).error().code(), Code::not_found);
  EXPECT_EQ(last_record(files_, kDirectory).error().code(), Code::not_found);
}

TEST_F(ReadTest, BeginsWhereItIsAskedTo) {
  write(20);
  EXPECT_EQ(last_record(files_, kDirectory), 20U);
  for (std::uint64_t first = 1; first <= 21; ++first) {
    const auto numbers = numbers_from(first);
    EXPECT_EQ(numbers.size(), 21 - first);
    for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], first + i);
  }
  EXPECT_EQ(numbers_from(3, 2), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(ReadTest, ALineUnderThePenIsLeftOutAndADamagedOneIsGiven) {
  write(2);
  const std::string path = kDirectory + "/0000000000000001.jsonl";
  ByteVector text = *files_.raw(path);
  text[5] ^= 1;
  text.push_back('{');
  ASSERT_TRUE(files_.set_raw(path, text));
  EXPECT_EQ(numbers_from(1), (std::vector<std::uint64_t>{0, 2}));
}

}  // namespace
}  // namespace keyhold::audit
