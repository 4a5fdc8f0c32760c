#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rocksdb/test_store.h"

namespace keyhold::rocks {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string content_of(rocksdb::FileSystem& files, const std::string& name) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  EXPECT_TRUE(files.NewSequentialFile(name, {}, &file, nullptr).ok());
  std::string scratch(1 << 16, '\0');
  rocksdb::Slice result;
  EXPECT_TRUE(file->Read(scratch.size(), {}, &result, scratch.data(), nullptr).ok());
  return result.ToString();
}

class LoggerTest : public ::testing::Test {
 protected:
  LoggerTest() {
    EXPECT_TRUE(store_.store.file_system->NewLogger("/store/LOG", {}, &logger_, nullptr).ok());
  }
  MemoryStore store_;
  std::shared_ptr<rocksdb::Logger> logger_;
};

TEST_F(LoggerTest, LineIsThereAfterAKillWithoutFlush) {
  rocksdb::Log(logger_, "the last words: %d", 42);
  const auto after = store_.crash(io::CrashPolicy::kill);
  EXPECT_THAT(content_of(*after->store.file_system, "/store/LOG"),
              HasSubstr("the last words: 42\n"));
}

TEST_F(LoggerTest, LineBeginsWithTimeAndThread) {
  rocksdb::Log(logger_, "hello\n");
  EXPECT_THAT(content_of(*store_.store.file_system, "/store/LOG"),
              MatchesRegex("[0-9]+/[0-9]+/[0-9]+-[0-9:]+[.][0-9]+ [0-9a-f]+ hello\n"));
}

TEST_F(LoggerTest, LongLineIsWhole) {
  const std::string text(100'000, 'x');
  rocksdb::Log(logger_, "%s", text.c_str());
  EXPECT_GT(logger_->GetLogFileSize(), text.size());
}

TEST_F(LoggerTest, TextIsNotOnDisk) {
  rocksdb::Log(logger_, "confidential %s", "words");
  EXPECT_TRUE(logger_->Close().ok());
  const auto raw = store_.files->raw("/store/LOG");
  ASSERT_TRUE(raw);
  EXPECT_EQ(as_text(*raw).find("confidential"), std::string_view::npos);
  EXPECT_THAT(content_of(*store_.store.file_system, "/store/LOG"), HasSubstr("confidential words"));
}

}  // namespace
}  // namespace keyhold::rocks
