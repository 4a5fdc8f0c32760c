#include "io/fault_file_system.h"

#include "io/file_system_conformance.h"
#include "io/memory_file_system.h"

namespace keyhold::io {
namespace {

class FaultFree {
 public:
  FileSystem& files() { return files_; }
  static std::string root() { return "/"; }

 private:
  MemoryFileSystem memory_;
  FaultFileSystem files_{memory_};
};

INSTANTIATE_TYPED_TEST_SUITE_P(FaultFree, FileSystemConformance, FaultFree);

class FaultTest : public testing::Test {
 protected:
  Status put(std::string_view text) { return replace_file(files_, "/a", as_bytes(text)); }
  std::string text() { return std::string(as_text(memory_.raw("/a").value())); }

  MemoryFileSystem memory_;
  FaultFileSystem files_{memory_};
};

TEST_F(FaultTest, CountsChangesAndNothingElse) {
  ASSERT_TRUE(put("x"));  // open, write, sync, rename, sync of the directory
  EXPECT_EQ(files_.count(), 5U);
  ASSERT_TRUE(read_file(files_, "/a", 10));
  ASSERT_TRUE(files_.list("/"));
  EXPECT_EQ(files_.count(), 5U);
  files_.set_fault({.counts = Fault::Counts::everything});
  ASSERT_TRUE(read_file(files_, "/a", 10));  // open, info, read
  EXPECT_EQ(files_.count(), 3U);
  EXPECT_FALSE(files_.fired());
}

TEST_F(FaultTest, EveryFailureOfAReplacementLeavesTheOldOrTheNewFile) {
  ASSERT_TRUE(put("old"));
  std::vector<std::string> failures;
  for (std::uint64_t at = 1;; ++at) {
    files_.set_fault({.at = at, .error_number = ENOSPC});
    const auto replaced = put("new");
    if (!files_.fired()) {
      EXPECT_TRUE(replaced);
      break;
    }
    EXPECT_EQ(code_of(replaced), Code::no_space);
    EXPECT_THAT(message_of(replaced), testing::StartsWith(files_.first_failure()));
    failures.push_back(files_.first_failure().substr(0, files_.first_failure().find(' ')));
    EXPECT_EQ(text(), failures.back() == "fsync" && failures.size() == 5 ? "new" : "old");
    EXPECT_EQ(memory_.list("/").value(), std::vector<std::string>{"a"});
  }
  EXPECT_EQ(failures, (std::vector<std::string>{"open", "pwrite", "fsync", "rename", "fsync"}));
}

TEST_F(FaultTest, APrefixOfTheFailingWriteIsWritten) {
  const auto file = files_.open("/a", kCreate).value();
  files_.set_fault({.at = 1, .effect = Fault::Effect::prefix});
  EXPECT_EQ(code_of(file->write_at(0, as_bytes("12345678"))), Code::io);
  EXPECT_EQ(text(), "1234");
  EXPECT_TRUE(file->write_at(0, as_bytes("12345678")));
}

TEST_F(FaultTest, AFailureCanBeToldOfWhatWasDone) {
  ASSERT_TRUE(put("old"));
  files_.set_fault({.at = 1, .effect = Fault::Effect::everything});
  EXPECT_FALSE(files_.rename("/a", "/b"));
  EXPECT_EQ(memory_.list("/").value(), std::vector<std::string>{"b"});
}

TEST_F(FaultTest, FromThereOnAllThatCountsFails) {
  ASSERT_TRUE(put("old"));
  const auto file = files_.open("/a", kReadWrite).value();
  files_.set_fault({.at = 2, .error_number = EROFS, .lasts = Fault::Lasts::from_there_on});
  EXPECT_TRUE(file->sync_data());
  EXPECT_EQ(code_of(file->sync_data()), Code::permission);
  EXPECT_EQ(code_of(files_.remove("/a")), Code::permission);
  EXPECT_TRUE(file->info());
  EXPECT_EQ(files_.count(), 3U);
  files_.set_fault({});
  EXPECT_TRUE(file->sync_data());
}

TEST_F(FaultTest, AStoppedWorldAnswersNothing) {
  ASSERT_TRUE(put("old"));
  const auto file = files_.open("/a", kReadWrite).value();
  files_.set_fault({.at = 1, .error_number = ENOSPC, .lasts = Fault::Lasts::stop_world});
  EXPECT_TRUE(file->info());
  EXPECT_EQ(code_of(file->write_at(0, as_bytes("n"))), Code::no_space);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes("n"))), Code::io);
  EXPECT_EQ(code_of(file->info()), Code::io);
  EXPECT_EQ(code_of(files_.list("/")), Code::io);
  EXPECT_EQ(code_of(file->close()), Code::io);
  EXPECT_EQ(text(), "old");
}

TEST_F(FaultTest, OnlyTheNamedPathFails) {
  files_.set_fault({.at = 1, .path_part = "keyring.b"});
  EXPECT_TRUE(replace_file(files_, "/keyring.a", as_bytes("x")));
  EXPECT_EQ(files_.count(), 0U);
  EXPECT_FALSE(replace_file(files_, "/keyring.b", as_bytes("x")));
  EXPECT_THAT(files_.first_failure(), testing::StartsWith("open /.keyring.b.tmp-"));
}

TEST_F(FaultTest, AFailedCloseClosesAllTheSame) {
  memory_.set_capacity(1);
  auto file = files_.open("/a", kCreate).value();
  ASSERT_TRUE(file->write_at(0, as_bytes("x")));
  ASSERT_TRUE(files_.remove("/a"));
  files_.set_fault({.at = 1, .counts = Fault::Counts::everything});
  EXPECT_EQ(code_of(file->close()), Code::io);
  EXPECT_EQ(memory_.space("/").value().free_bytes, 1U);
}

}  // namespace
}  // namespace keyhold::io
