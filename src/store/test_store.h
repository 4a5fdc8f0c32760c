// A store in memory for tests, and what tests do with it.
#pragma once

#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "io/memory_file_system.h"
#include "store/store.h"
#include "store/test_key_source.h"

namespace keyhold::store {

inline ByteVector test_bytes(std::size_t size_bytes, std::uint32_t seed = 1) {
  std::minstd_rand generator(seed);
  ByteVector bytes(size_bytes);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(generator() >> 8);
  return bytes;
}

inline std::string layout_name(const ::testing::TestParamInfo<Layout>& layout) {
  return layout.param == Layout::table ? "Table" : "Log";
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    EXPECT_TRUE(disk_->make_directory("/store", 0700));
    EXPECT_TRUE(disk_->sync_directory("/"));
    mount();
  }

  // The store as a process that starts now sees it.
  void mount() {
    store_ = std::make_unique<Store>(*disk_, keys_, crypto::system_random(), "/store");
  }

  void write_file(const std::string& path, Layout layout, ByteView content,
                  std::size_t piece = 1000) {
    auto file = store_->create(path, layout);
    ASSERT_TRUE(file) << file.error().message();
    for (std::size_t offset = 0; offset < content.size(); offset += piece) {
      ASSERT_TRUE(
          (*file)->append(content.subspan(offset, std::min(piece, content.size() - offset))));
    }
    ASSERT_TRUE((*file)->sync(true));
    ASSERT_TRUE((*file)->close());
  }

  Result<ByteVector> read_back(const std::string& path, std::size_t piece = 777) {
    KEYHOLD_TRY_ASSIGN(const auto file, store_->open_sequential(path));
    ByteVector content;
    for (;;) {
      ByteVector buffer(piece);
      KEYHOLD_TRY_ASSIGN(const std::size_t count, file->read(buffer));
      if (count == 0) return content;
      content.insert(content.end(), buffer.begin(),
                     buffer.begin() + static_cast<std::ptrdiff_t>(count));
    }
  }

  VerifyReport verify(const std::string& path) {
    VerifyReport report;
    const Status status = store_->verify(path, report, {});
    EXPECT_TRUE(status) << status.error().message();
    return report;
  }

  std::unique_ptr<io::MemoryFileSystem> disk_ = std::make_unique<io::MemoryFileSystem>();
  TestKeySource keys_;
  std::unique_ptr<Store> store_;
};

}  // namespace keyhold::store
