// The worked examples in docs/formats/append-mode.md: these very bytes are written and read, and
// the keys are those.
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "crypto/kdf.h"
#include "crypto/labels.h"
#include "store/header_block.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

using crypto::Key256;
using crypto::SecretAccess;
namespace labels = crypto::labels;

// 00, 01, 02 …
class CountingRandom final : public crypto::Random {
 public:
  void fill(MutableByteView out) override {
    for (std::uint8_t& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

ByteVector counting_bytes(std::size_t size, std::uint8_t first) {
  ByteVector bytes(size);
  for (std::uint8_t& byte : bytes) byte = first++;
  return bytes;
}

class ExampleKeys final : public KeySource {
 public:
  [[nodiscard]] StoreId store_id() const override { return StoreId(counting_bytes(16, 0xa0)); }
  [[nodiscard]] Result<Generation> current_generation() override { return Generation{1}; }
  [[nodiscard]] Status prepare(Generation) override { return {}; }
  [[nodiscard]] Result<Key256> derive(Generation, ByteView salt, ByteView info) override {
    return crypto::hkdf_sha256(*dek_, salt, info);
  }
  void add_sealed_bytes(Generation, std::uint64_t) override {}
  [[nodiscard]] SealGuard& guard() override { return guard_; }

 private:
  SealGuard guard_;
  Result<Key256> dek_ = Key256::copy_of(counting_bytes(32, 0), SecretAccess::grant());
};

// A file as the document tells it: its size, its checksum, and the bytes that are shown.
struct ToldFile {
  std::size_t size = 0;
  std::string sha256;
  std::map<std::size_t, std::string> hex;  // by offset
};

struct Document {
  std::map<std::string, ToldFile> files;
  std::map<std::string, std::string> keys;  // "table: file secret" → hex
};

void read_file_line(const std::string& line, ToldFile& file) {
  std::istringstream words(line.substr(0, line.find('#')));
  std::string first;
  if (!(words >> first)) return;
  if (first == "size") {
    words >> file.size;
  } else if (first == "sha256") {
    words >> file.sha256;
  } else {
    words >> file.hex[std::stoul(first)];
  }
}

Document read_document() {
  const std::string path = std::string(KEYHOLD_DOCS_DIR) + "/formats/append-mode.md";
  std::ifstream in(path);
  EXPECT_TRUE(in.is_open()) << path;
  Document document;
  std::string kind;
  std::string name;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      std::istringstream words(line.substr(3));
      kind = name = {};
      words >> kind >> name;
    } else if (kind == "file") {
      read_file_line(line, document.files[name]);
    } else if (kind == "keys") {
      const auto hex = line.rfind(' ') + 1;
      const auto last = line.find_last_not_of(' ', hex - 1);
      document.keys[name + ": " + line.substr(0, last + 1)] = line.substr(hex);
    }
  }
  return document;
}

class AppendModeDocument : public ::testing::Test {
 protected:
  AppendModeDocument() { EXPECT_TRUE(disk_.make_directory("/store", 0700)); }

  ByteVector table_content() {
    ByteVector content(4085);
    for (std::size_t i = 0; i < content.size(); ++i)
      content[i] = static_cast<std::uint8_t>(i % 251);
    return content;
  }
  void write_table() {
    const auto file = *store_.create("/store/table", Layout::table);
    ASSERT_TRUE(file->append(table_content()));
    ASSERT_TRUE(file->close());
  }
  void write_log() {
    const auto file = *store_.create("/store/log", Layout::log);
    ASSERT_TRUE(file->append(as_bytes("first")));
    ASSERT_TRUE(file->sync(false));
    ASSERT_TRUE(file->append(as_bytes("second")));
    ASSERT_TRUE(file->close());
  }

  // What is shown is there; what is not shown is zero, from `hidden_from` to `hidden_to` aside.
  void expect_told(const std::string& name, std::size_t hidden_from, std::size_t hidden_to) {
    const ToldFile& told = document_.files[name];
    ByteVector rest = *disk_.raw("/store/" + name);
    ASSERT_EQ(rest.size(), told.size);
    EXPECT_EQ(to_hex(crypto::sha256(rest)), told.sha256);
    ASSERT_GT(told.hex.size(), 20U);
    for (const auto& [offset, hex] : told.hex) {
      const MutableByteView shown = MutableByteView(rest).subspan(offset, hex.size() / 2);
      EXPECT_EQ(to_hex(shown), hex) << name << " at " << offset;
      std::ranges::fill(shown, std::uint8_t{0});
    }
    EXPECT_TRUE(all_zero(ByteView(rest).first(hidden_from)));
    EXPECT_TRUE(all_zero(ByteView(rest).subspan(hidden_to)));
  }

  void expect_key(const std::string& name, const Key256& key) {
    EXPECT_EQ(to_hex(key.bytes(SecretAccess::grant())), document_.keys[name]) << name;
  }
  Key256 subkey(const Key256& secret, std::string_view label, ByteView salt = {}) {
    return *crypto::hkdf_sha256(secret, salt, as_bytes(label));
  }
  // The keys that every file has.
  Key256 expect_file_keys(const std::string& name) {
    const auto file = *disk_.open("/store/" + name, {});
    const HeaderBlock header = *HeaderBlock::load(*file, keys_, name);
    EXPECT_EQ(to_hex(format::file_secret_context(header.slot())),
              document_.keys[name + ": context"]);
    const SealGuard::Use use(keys_.guard());
    Key256 secret = *file_secret(keys_, header.slot());
    expect_key(name + ": file secret", secret);
    expect_key(name + ": header mac", subkey(secret, labels::kHeaderMac));
    return secret;
  }

  Document document_ = read_document();
  io::MemoryFileSystem disk_;
  ExampleKeys keys_;
  CountingRandom random_;
  Store store_{disk_, keys_, random_, "/store"};
  const ByteVector last_salt_ = counting_bytes(32, 0x38);
};

TEST_F(AppendModeDocument, TableIsWhatIsWritten) {
  write_table();
  expect_told("table", 4096, 4096 + 4080);
}

TEST_F(AppendModeDocument, LogIsWhatIsWritten) {
  write_log();
  expect_told("log", 4096, 4096);
}

TEST_F(AppendModeDocument, KeysOfTheTableAreTheseKeys) {
  write_table();
  const Key256 secret = expect_file_keys("table");
  expect_key("table: table chunks", subkey(secret, labels::kTableChunks));
  expect_key("table: table tail", subkey(secret, labels::kTableTail, last_salt_));
}

TEST_F(AppendModeDocument, KeysOfTheLogAreTheseKeys) {
  write_log();
  const Key256 secret = expect_file_keys("log");
  expect_key("log: log marker", subkey(secret, labels::kLogMarker));
  expect_key("log: log session", subkey(secret, labels::kLogSession, last_salt_));
}

TEST_F(AppendModeDocument, ExamplesAreRead) {
  write_table();
  write_log();
  ByteVector out(5000);
  ASSERT_EQ(*(*store_.open_random("/store/table"))->read(0, out), 4085U);
  EXPECT_TRUE(std::ranges::equal(ByteView(out).first(4085), table_content()));
  ASSERT_EQ(*(*store_.open_sequential("/store/log"))->read(out), 11U);
  EXPECT_EQ(as_text(ByteView(out).first(11)), "firstsecond");
}

}  // namespace
}  // namespace keyhold::store
