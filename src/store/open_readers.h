// The readers' handles of a store, by file: what re-encryption gives another file underneath.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "store/files.h"
#include "store/read_gate.h"

namespace keyhold::store {

struct AccessHints {
  bool direct = false;  // bypass the kernel's page cache (O_DIRECT)
};

// Device and inode.
using FileKey = std::pair<std::uint64_t, std::uint64_t>;
inline FileKey key_of(const io::FileInfo& file) {
  return {file.device, file.inode};
}

// What an open handle reads.
struct ReaderPlace {
  FileKey file;
  Generation oldest{};  // of the header's two slots
  std::uint64_t physical_bytes = 0;
};

// Opens the file that handles are to read from now on.
struct Successor {
  std::function<Result<std::unique_ptr<RandomFile>>(AccessHints)> random;
  std::function<Result<std::unique_ptr<SequentialFile>>(AccessHints)> sequential;
  ReaderPlace place;
};

class OpenReaders;

// A handle whose inner file can be exchanged: prepare(), then commit(), then release().
class ExchangeableReader {
 public:
  ExchangeableReader(const ExchangeableReader&) = delete;
  ExchangeableReader& operator=(const ExchangeableReader&) = delete;

  virtual Status prepare(const Successor& successor) = 0;
  virtual void commit() = 0;
  // Closes the former inner file, or after a prepare() without commit() the new one. REQUIRES:
  // nobody reads through it.
  virtual void release() = 0;

 protected:
  ExchangeableReader(std::shared_ptr<OpenReaders> readers, const ReaderPlace& place);
  ~ExchangeableReader() = default;
  // As the first act of the destructor.
  void leave();

  const std::shared_ptr<OpenReaders> readers_;

 private:
  friend class OpenReaders;
  std::multimap<FileKey, ExchangeableReader*>::iterator entry_;
  ReaderPlace place_;
};

// Thread-safe.
class OpenReaders {
 public:
  [[nodiscard]] ReadGate& gate() { return gate_; }

  // Every handle on `file` reads `successor` from now on, or none does: then says why. `rename`
  // runs in between, when nothing but itself can fail any more. New handles on `file` must be kept
  // off by the caller until `unlock` was called; then reads under way are waited for.
  Status exchange(FileKey file, const Successor& successor, const std::function<Status()>& rename,
                  const std::function<void()>& unlock);

  // One of each file.
  [[nodiscard]] std::vector<ReaderPlace> places() const;

 private:
  friend class ExchangeableReader;

  ReadGate gate_;
  mutable std::mutex mutex_;  // a handle that closes waits for an exchange
  std::multimap<FileKey, ExchangeableReader*> handles_;
};

// The handles that an engine gets. `inner` stands at `place`.
std::unique_ptr<RandomFile> make_exchangeable(std::shared_ptr<OpenReaders> readers,
                                              const ReaderPlace& place, AccessHints hints,
                                              std::unique_ptr<RandomFile> inner);
std::unique_ptr<SequentialFile> make_exchangeable(std::shared_ptr<OpenReaders> readers,
                                                  const ReaderPlace& place, AccessHints hints,
                                                  std::unique_ptr<SequentialFile> inner);

}  // namespace keyhold::store
