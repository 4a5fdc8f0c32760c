// I1, as far as a store and its host go: no key stands in any file.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "host/remote_keys.h"
#include "host/test_store.h"

namespace keyhold::host {
namespace {

std::string bytes_of(const crypto::Key256& key) {
  return std::string(as_text(key.bytes(crypto::SecretAccess::grant())));
}

std::vector<std::string> files_below(const std::string& root) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  return paths;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The KEK, as the customer's KMS gives it.
std::string kek_of(TestStore& store, const keyring::Lockbox& lockbox) {
  const auto client = store.kms.make_client(lockbox.spec);
  const auto kek = (*client)->unwrap(lockbox.wrapped, lockbox.context,
                                     Deadline::after(system_clock(), std::chrono::seconds(5)));
  EXPECT_TRUE(kek);
  return kek ? bytes_of(kek->key) : std::string();
}

// Halves too: a key need not stand in one piece.
bool contains_part_of(const std::string& content, const std::string& key) {
  return content.find(key.substr(0, 16)) != std::string::npos ||
         content.find(key.substr(16)) != std::string::npos ||
         content.find(to_hex(as_bytes(key)).substr(0, 32)) != std::string::npos;
}

TEST(I1, NoKekOrDekInAnyFileOfTheStoreNorInTheLog) {
  const LogCapture log;
  TestStore store;
  store.anchor = store.scratch / "anchor";
  store.make();
  auto host = store.open();
  ASSERT_TRUE(host);
  std::vector<std::string> keys = {kek_of(store, (*host)->ring().contents().lockboxes[0])};
  ASSERT_TRUE((*host)->rotate_dek());
  ASSERT_TRUE((*host)->rotate_kek());
  ASSERT_TRUE((*host)->rewrap_to(store.kms.create_key("other")));
  keys.push_back(kek_of(store, (*host)->ring().contents().lockboxes[0]));
  const auto remote = RemoteKeys::connect(system_clock(), store.path, std::chrono::seconds(5));
  ASSERT_TRUE(remote);
  for (const std::uint32_t generation : {1U, 2U}) {
    ASSERT_TRUE((*remote)->prepare(Generation{generation}));
    const auto dek =
        (*host)->ring().export_dek(Generation{generation}, crypto::SecretAccess::grant());
    ASSERT_TRUE(dek);
    keys.push_back(bytes_of(*dek));
  }

  // The search finds what is there.
  ASSERT_TRUE(contains_part_of("x" + keys[0] + "y", keys[0]));
  const std::vector<std::string> paths = files_below(store.scratch.path());
  ASSERT_GE(paths.size(), 5U);  // two copies, config, lock, anchor
  for (const std::string& key : keys) {
    for (const std::string& path : paths) {
      EXPECT_FALSE(contains_part_of(content_of(path), key)) << path;
    }
    EXPECT_FALSE(contains_part_of(log.text(), key));
  }
}

}  // namespace
}  // namespace keyhold::host
