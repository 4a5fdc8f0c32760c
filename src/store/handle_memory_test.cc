// What an open file costs in memory, the kernel's share left out.
#include <malloc.h>

#include "crypto/secret.h"
#include "store/test_store.h"

// A sanitizer's own allocator counts otherwise.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace keyhold::store {
namespace {

constexpr std::size_t kLimitBytes = 32 * 1024;
constexpr std::size_t kHandles = 64;

std::size_t memory_in_use() {
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd + crypto::secret_memory_use().locked_bytes;
}

class HandleMemory : public StoreTest {
 protected:
  // Bytes for each of many handles that `open` makes and uses.
  template <typename Open>
  std::size_t bytes_for_each(const Open& open) {
    open(kHandles);  // what comes once, for the thread or the process
    std::vector<decltype(open(0))> handles;
    handles.reserve(kHandles);
    const std::size_t before = memory_in_use();
    for (std::size_t i = 0; i < kHandles; ++i) handles.push_back(open(i));
    return (memory_in_use() - before) / kHandles;
  }

  std::unique_ptr<AppendFile> writer(std::size_t number, Layout layout) {
    auto file = store_->create("/store/new-" + std::to_string(number), layout);
    EXPECT_TRUE(file);
    EXPECT_TRUE((*file)->append(test_bytes(5000)));
    return *std::move(file);
  }

  std::unique_ptr<RandomFile> reader(Layout layout) {
    const std::string path = "/store/old";
    if (!disk_->info(path)) write_file(path, layout, test_bytes(8 << 20), 100'000);
    auto file = store_->open_random(path);
    EXPECT_TRUE(file);
    ByteVector block(4096);
    EXPECT_TRUE((*file)->read((8 << 20) - 5000, block));
    return *std::move(file);
  }
};

// The files that are written lie in memory too, and are counted along.
TEST_F(HandleMemory, AWriterTakesLessThan32KiB) {
  const auto table = [&](std::size_t number) { return writer(number, Layout::table); };
  const auto log = [&](std::size_t number) { return writer(number, Layout::log); };
  const std::size_t of_table = bytes_for_each(table);
  const std::size_t of_log = bytes_for_each(log);
  RecordProperty("table_bytes", static_cast<int>(of_table));
  RecordProperty("log_bytes", static_cast<int>(of_log));
  EXPECT_GT(of_table, 4096U);  // the held chunk at least: the count counts
  EXPECT_LT(of_table, kLimitBytes);
  EXPECT_LT(of_log, kLimitBytes);
}

TEST_F(HandleMemory, ATableReaderTakesLessThan32KiB) {
  const std::size_t bytes = bytes_for_each([&](std::size_t) { return reader(Layout::table); });
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_GT(bytes, 512U);
  EXPECT_LT(bytes, kLimitBytes);
}

// Its index is full.
TEST_F(HandleMemory, ALogReaderTakesLessThan32KiB) {
  const std::size_t bytes = bytes_for_each([&](std::size_t) { return reader(Layout::log); });
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_GT(bytes, 512U);
  EXPECT_LT(bytes, kLimitBytes);
}

}  // namespace
}  // namespace keyhold::store

#endif
