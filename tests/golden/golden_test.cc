// A store that an earlier Keyhold made is read by this one, to the last byte.
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crypto/kdf.h"
#include "golden_kms.h"
#include "kms/local/admin.h"
#include "kms/local/scratch_directory.h"
#include "store/store.h"

namespace keyhold::golden {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using store::Layout;

class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  Golden() {
    // Git keeps neither modes nor the right to change anything here: everything works on a copy.
    fs::copy(source_, scratch_.path(), fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(scratch_.path())) {
      fs::permissions(entry.path(), entry.is_directory()
                                        ? fs::perms::owner_all
                                        : fs::perms::owner_read | fs::perms::owner_write);
    }
    std::ifstream(source_ / "manifest.json") >> manifest_;
    auto opened = host::Host::open(machine_, root_, host_options(scratch_ / "kms"));
    EXPECT_TRUE(opened) << opened.error().message();
    host_ = *std::move(opened);
    store_.emplace(io::posix_file_system(), *host_, crypto::system_random(), root_);
  }

  std::string path_of(const json& file) const {
    return root_ + "/" + file["name"].get<std::string>();
  }
  Result<ByteVector> read_sequentially(const std::string& path) {
    KEYHOLD_TRY_ASSIGN(const auto file, store_->open_sequential(path));
    ByteVector content(100'000);
    KEYHOLD_TRY_ASSIGN(const std::size_t count, file->read(content));
    content.resize(count);
    return content;
  }

  const fs::path source_ = fs::path(KEYHOLD_GOLDEN_DIR) / GetParam();
  const kms::local::ScratchDirectory scratch_;
  const std::string root_ = scratch_ / "store";
  const keyring::Environment machine_{io::posix_file_system(), system_clock(),
                                      crypto::system_random()};
  json manifest_;
  std::unique_ptr<host::Host> host_;
  std::optional<store::Store> store_;
};

TEST_P(Golden, IsAsItWasMade) {
  std::ifstream sums(source_ / "SHA256SUMS");
  std::size_t files = 0;
  for (std::string line; std::getline(sums, line); ++files) {
    const std::string path = line.substr(66);
    const auto content = io::read_file(io::posix_file_system(), (source_ / path).string(), 1 << 20);
    ASSERT_TRUE(content) << path << " is gone";
    EXPECT_EQ(to_hex(crypto::sha256(*content)), line.substr(0, 64)) << path;
  }
  EXPECT_GT(files, 15U);
}

TEST_P(Golden, KeyRingIsRead) {
  EXPECT_EQ(host_->store_id().hex(), manifest_["store_id"].get<std::string>());
  const keyring::Contents contents = host_->ring().contents();
  EXPECT_EQ(contents.identity.org.str(), "acme");
  EXPECT_EQ(contents.identity.node.str(), "n1");
  EXPECT_EQ(contents.generations.size(), 2U);
  EXPECT_EQ(contents.kek_version, 2U);
  ASSERT_EQ(contents.lockboxes.size(), 1U);
  EXPECT_EQ(contents.lockboxes[0].spec, golden_key());
  EXPECT_EQ(contents.lockboxes[0].kms_key_version.str(), "2");
}

TEST_P(Golden, EveryFileIsRead) {
  ASSERT_GT(manifest_["files"].size(), 9U);
  for (const json& told : manifest_["files"]) {
    SCOPED_TRACE(told["name"].get<std::string>());
    const auto file = store_->describe(path_of(told));
    ASSERT_TRUE(file) << file.error().message();
    EXPECT_EQ(file->layout == Layout::table ? "table" : "log", told["layout"]);
    EXPECT_EQ(file->file_id.hex(), told["file_id"].get<std::string>());
    EXPECT_EQ(number(file->generation), told["generation"]);
    EXPECT_EQ(file->header_sequence, told["sequence"]);
    EXPECT_EQ(file->closed, told["closed"]);
    EXPECT_EQ(file->logical_bytes, told["size"]);

    const auto content = read_sequentially(path_of(told));
    ASSERT_TRUE(content) << content.error().message();
    EXPECT_EQ(to_hex(crypto::sha256(*content)), told["sha256"].get<std::string>());
    ByteVector again(content->size());
    EXPECT_EQ((*store_->open_random(path_of(told)))->read(0, again), content->size());
    EXPECT_EQ(again, *content);
  }
}

TEST_P(Golden, NothingElseIsThereAndNothingIsDamaged) {
  std::vector<std::string> names;
  for (const json& told : manifest_["files"]) names.push_back(path_of(told));
  EXPECT_EQ(*store_->list_files(), names);
  for (const std::string& path : names) {
    store::VerifyReport report;
    ASSERT_TRUE(store_->verify(path, report, {}));
    EXPECT_TRUE(report.findings.empty()) << path;
  }
}

TEST_P(Golden, CanBeGoneOnWith) {
  for (const json& told : manifest_["files"]) {
    if (told["layout"] != "log") continue;
    const std::string path = path_of(told);
    const ByteVector before = *read_sequentially(path);
    const auto file = store_->reopen(path);
    ASSERT_TRUE(file) << file.error().message();
    ASSERT_TRUE((*file)->append(as_bytes("more")));
    ASSERT_TRUE((*file)->close());
    const auto after = read_sequentially(path);
    ASSERT_TRUE(after) << after.error().message();
    EXPECT_EQ(as_text(*after), std::string(as_text(before)) + "more");
  }
  EXPECT_EQ(host_->rotate_dek(), Generation{3});
}

TEST_P(Golden, AccessLogOfTheKmsIsRead) {
  const auto kms = kms::LocalKms::open(scratch_ / "kms");
  ASSERT_TRUE(kms) << kms.error().message();
  const auto entries = kms->log();
  ASSERT_TRUE(entries) << entries.error().message();
  ASSERT_GT(entries->size(), 5U);
  EXPECT_EQ(entries->front().operation, "create");
}

INSTANTIATE_TEST_SUITE_P(Formats, Golden, ::testing::Values("format-1"), [](const auto& format) {
  return "Format" + format.param.substr(format.param.find('-') + 1);
});

}  // namespace
}  // namespace keyhold::golden
