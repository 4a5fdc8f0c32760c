#include "store/open_readers.h"

#include <atomic>
#include <iterator>

namespace keyhold::store {
namespace {

class Random final : public RandomFile, private ExchangeableReader {
 public:
  Random(std::shared_ptr<OpenReaders> readers, const ReaderPlace& place, AccessHints hints,
         std::unique_ptr<RandomFile> inner)
      : ExchangeableReader(std::move(readers), place),
        hints_(hints),
        owned_(std::move(inner)),
        inner_(owned_.get()) {}
  ~Random() override { leave(); }

  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) override {
    const ReadGate::Use use(readers_->gate());
    return inner_.load()->read(offset, out);
  }
  void read_many(std::span<ReadRequest> requests) override {
    const ReadGate::Use use(readers_->gate());
    inner_.load()->read_many(requests);
  }
  void advise_random(bool random) override {
    const ReadGate::Use use(readers_->gate());
    random_ = random;
    inner_.load()->advise_random(random);
  }
  [[nodiscard]] Result<std::uint64_t> size() override {
    const ReadGate::Use use(readers_->gate());
    return inner_.load()->size();
  }
  [[nodiscard]] FileId id() const override {
    const ReadGate::Use use(readers_->gate());
    return inner_.load()->id();
  }

 private:
  Status prepare(const Successor& successor) override {
    KEYHOLD_TRY_ASSIGN(other_, successor.random(hints_));
    if (random_) other_->advise_random(true);
    return {};
  }
  void commit() override {
    std::swap(owned_, other_);
    inner_ = owned_.get();
  }
  void release() override { other_.reset(); }

  const AccessHints hints_;
  std::unique_ptr<RandomFile> owned_;
  std::unique_ptr<RandomFile> other_;  // to come, or going
  std::atomic<RandomFile*> inner_;
  std::atomic<bool> random_ = false;
};

class Sequential final : public SequentialFile, private ExchangeableReader {
 public:
  Sequential(std::shared_ptr<OpenReaders> readers, const ReaderPlace& place, AccessHints hints,
             std::unique_ptr<SequentialFile> inner)
      : ExchangeableReader(std::move(readers), place), hints_(hints), inner_(std::move(inner)) {}
  ~Sequential() override { leave(); }

  Result<std::size_t> read(MutableByteView out) override {
    const std::lock_guard lock(mutex_);
    KEYHOLD_TRY(catch_up());
    KEYHOLD_TRY_ASSIGN(const std::size_t count, inner_->read(out));
    offset_ += count;
    return count;
  }
  Status skip(std::uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    KEYHOLD_TRY(catch_up());
    KEYHOLD_TRY(inner_->skip(bytes));
    offset_ += bytes;
    return {};
  }

 private:
  Status catch_up() {
    if (behind_ == 0) return {};
    KEYHOLD_TRY(inner_->skip(behind_));
    behind_ = 0;
    return {};
  }
  Status prepare(const Successor& successor) override {
    KEYHOLD_TRY_ASSIGN(other_, successor.sequential(hints_));
    return {};
  }
  void commit() override {
    const std::lock_guard lock(mutex_);
    std::swap(inner_, other_);
    behind_ = offset_;
  }
  void release() override { other_.reset(); }

  const AccessHints hints_;
  std::mutex mutex_;  // contended by an exchange only
  std::unique_ptr<SequentialFile> inner_;
  std::unique_ptr<SequentialFile> other_;
  std::uint64_t offset_ = 0;
  std::uint64_t behind_ = 0;  // what inner_ has to skip before it is at offset_
};

}  // namespace

ExchangeableReader::ExchangeableReader(std::shared_ptr<OpenReaders> readers,
                                       const ReaderPlace& place)
    : readers_(std::move(readers)), place_(place) {
  const std::lock_guard lock(readers_->mutex_);
  entry_ = readers_->handles_.emplace(place.file, this);
}

void ExchangeableReader::leave() {
  const std::lock_guard lock(readers_->mutex_);
  readers_->handles_.erase(entry_);
}

Status OpenReaders::exchange(FileKey file, const Successor& successor,
                             const std::function<Status()>& rename,
                             const std::function<void()>& unlock) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = handles_.equal_range(file);
  std::vector<ExchangeableReader*> prepared;
  Status outcome;
  for (auto entry = first; entry != last && outcome; ++entry) {
    prepared.push_back(entry->second);
    outcome = entry->second->prepare(successor);
  }
  if (outcome) outcome = rename();
  for (ExchangeableReader* reader : prepared) {
    if (!outcome) continue;
    reader->commit();
    auto node = handles_.extract(reader->entry_);
    node.key() = successor.place.file;
    reader->entry_ = handles_.insert(std::move(node));
    reader->place_ = successor.place;
  }
  unlock();
  if (outcome && !prepared.empty()) gate_.wait_for_readers();
  for (ExchangeableReader* reader : prepared) reader->release();
  return outcome;
}

std::vector<ReaderPlace> OpenReaders::places() const {
  const std::lock_guard lock(mutex_);
  std::vector<ReaderPlace> places;
  for (auto entry = handles_.begin(); entry != handles_.end();
       entry = handles_.upper_bound(entry->first)) {
    places.push_back(entry->second->place_);
  }
  return places;
}

std::unique_ptr<RandomFile> make_exchangeable(std::shared_ptr<OpenReaders> readers,
                                              const ReaderPlace& place, AccessHints hints,
                                              std::unique_ptr<RandomFile> inner) {
  return std::make_unique<Random>(std::move(readers), place, hints, std::move(inner));
}

std::unique_ptr<SequentialFile> make_exchangeable(std::shared_ptr<OpenReaders> readers,
                                                  const ReaderPlace& place, AccessHints hints,
                                                  std::unique_ptr<SequentialFile> inner) {
  return std::make_unique<Sequential>(std::move(readers), place, hints, std::move(inner));
}

}  // namespace keyhold::store
