// The worked examples of docs/formats/local-kms.md, made again and compared byte for byte.
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "kms/local/memory_kms.h"
#include "kms/local/messages/log_entry.h"

namespace keyhold::kms::local {
namespace {

std::string document() {
  std::ifstream file(KEYHOLD_DOCS_DIR "/formats/local-kms.md");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What stands in the fenced block that is opened with "```" and this.
std::string block(const std::string& opening) {
  static const std::string text = document();
  const std::string fence = "```" + opening + "\n";
  const std::size_t start = text.find(fence);
  if (start == std::string::npos) return "no block " + opening;
  const std::size_t content = start + fence.size();
  return text.substr(content, text.find("```", content) - content);
}

// Its hexadecimal digits, without spaces.
std::string hex_block(const std::string& name) {
  std::string digits = block("hex " + name);
  std::erase_if(digits, [](char c) { return c == ' ' || c == '\n'; });
  return digits;
}

// 00, 01, 02 … ff, 00 …
class CountingRandom final : public crypto::Random {
 public:
  void fill(MutableByteView out) override {
    for (std::uint8_t& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

crypto::Key256 example_key() {
  ByteVector bytes(32);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(0xa0 + i);
  return crypto::Key256::copy_of(bytes, crypto::SecretAccess::grant()).value();
}

WrapContext example_context() {
  WrapContext context;
  context.org = OrgId("acme");
  context.cluster = ClusterId("orders");
  context.region = RegionName("us-east-1");
  context.key_id = KeyId(ByteVector(16, 0x11));
  context.version = 1;
  return context;
}

class LocalKmsDocument : public testing::Test {
 protected:
  LocalKmsDocument() : memory_(clock_) {
    clock_.set_wall(WallTime(std::chrono::milliseconds(1'772'357'400'250)));
    LocalKmsOptions options = options_for(memory_, clock_);
    options.random = &random_;
    admin_.emplace(LocalKms::init(kMemoryKmsPath, options).value());
    static_cast<void>(admin_->create_key("orders").value());
  }

  std::unique_ptr<Client> client() {
    KeySpec spec;
    spec.type = KeyType::local;
    spec.uri = admin_->uri("orders");
    return LocalClient::create(spec, memory_, clock_, random_).value();
  }
  std::string hex_of(const std::string& path) { return to_hex(memory_.raw(path).value()); }

  ManualClock clock_;
  CountingRandom random_;
  io::MemoryFileSystem memory_;
  std::optional<LocalKms> admin_;
};

TEST_F(LocalKmsDocument, MarkerIsAsTheExample) {
  EXPECT_EQ(hex_of("/kms/keyhold-kms"), hex_block("marker"));
}

TEST_F(LocalKmsDocument, KeyFileIsAsTheExample) {
  EXPECT_EQ(hex_of("/kms/keys/orders"), hex_block("key-file"));
}

TEST_F(LocalKmsDocument, DestroyedKeyFileIsAsTheExample) {
  ASSERT_TRUE(admin_->schedule_deletion("orders", 1).has_value());
  clock_.advance(std::chrono::days(1));
  ASSERT_TRUE(admin_->list().has_value());
  EXPECT_EQ(hex_of("/kms/keys/orders"), hex_block("destroyed-key-file"));
}

TEST_F(LocalKmsDocument, ContextIsAsTheExample) {
  EXPECT_EQ(to_canonical_json(example_context()) + "\n", block("json context"));
}

TEST_F(LocalKmsDocument, CiphertextAndLogLineAreAsTheExamples) {
  const auto wrapped = client()->wrap(example_key(), example_context(), Deadline::never()).value();
  EXPECT_EQ(to_hex(wrapped.ciphertext), hex_block("ciphertext"));
  AccessLogEntry entry = admin_->log(1).value().at(0);
  entry.pid = 4711;
  EXPECT_EQ(serialize_log_entry(entry), block("json access-log"));
}

TEST_F(LocalKmsDocument, ExampleCiphertextUnwraps) {
  const ByteVector ciphertext = from_hex(hex_block("ciphertext")).value();
  const auto unwrapped = client()->unwrap(ciphertext, example_context(), Deadline::never());
  ASSERT_TRUE(unwrapped.has_value()) << unwrapped.error().message();
  const auto access = crypto::SecretAccess::grant();
  EXPECT_TRUE(
      crypto::equal_constant_time(unwrapped->key.bytes(access), example_key().bytes(access)));
}

}  // namespace
}  // namespace keyhold::kms::local
