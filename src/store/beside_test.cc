// A reader beside a writer: what the writer finishes while the reader looks is no damage.
#include <functional>

#include "store/log_cursor.h"
#include "store/test_store.h"

namespace keyhold::store {
namespace {

// Runs a step before the Nth read of any file below it.
class SteppedFile final : public io::File {
 public:
  SteppedFile(std::unique_ptr<io::File> inner, std::function<void()>& before_read)
      : inner_(std::move(inner)), before_read_(before_read) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView out) override {
    if (before_read_) before_read_();
    return inner_->read_at(offset, out);
  }
  Status write_at(std::uint64_t offset, ByteView data) override {
    return inner_->write_at(offset, data);
  }
  Status sync_data() override { return inner_->sync_data(); }
  Status sync_all() override { return inner_->sync_all(); }
  Status sync_range(std::uint64_t offset, std::uint64_t length, bool wait) override {
    return inner_->sync_range(offset, length, wait);
  }
  Status truncate(std::uint64_t size_bytes) override { return inner_->truncate(size_bytes); }
  Status reserve(std::uint64_t offset, std::uint64_t length) override {
    return inner_->reserve(offset, length);
  }
  Result<io::FileInfo> info() override { return inner_->info(); }
  void advise(io::Advice advice, std::uint64_t offset, std::uint64_t length) override {
    inner_->advise(advice, offset, length);
  }
  Status close() override { return inner_->close(); }

 private:
  const std::unique_ptr<io::File> inner_;
  std::function<void()>& before_read_;
};

class Beside : public StoreTest {};

// At each of the reader's reads around the log's end in turn, the writer appends, syncs, and
// appends again.
TEST_F(Beside, AFrameThatIsFinishedWhileWeLookIsNoDamage) {
  for (int at = 1; at <= 4; ++at) {
    const auto writer = *store_->create("/store/f", Layout::log);
    ASSERT_TRUE(writer->append(test_bytes(500, 1)));
    int reads = 0;
    std::function<void()> before_read;
    const auto plain = [&] { return *disk_->open("/store/f", {}); };
    SteppedFile file(plain(), before_read);
    const auto header = *HeaderBlock::load(file, keys_, "/store/f");
    LogCursor cursor("/store/f", file, header, keys_);
    ASSERT_TRUE(cursor.next()->has_value());
    before_read = [&] {
      if (++reads != at) return;
      ASSERT_TRUE(writer->append(test_bytes(500, 2)));
      ASSERT_TRUE(writer->sync(false));
      ASSERT_TRUE(writer->append(test_bytes(500, 3)));
    };
    const auto next = cursor.next();
    ASSERT_TRUE(next) << "read " << at << ": " << next.error().message();
  }
}

}  // namespace
}  // namespace keyhold::store
