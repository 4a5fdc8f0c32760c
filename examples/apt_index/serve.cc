#include "serve.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <keyhold/rocksdb.h>
#include <unistd.h>

#include "database.h"

namespace apt_index {
namespace {

constexpr std::size_t kReaders = 2;
constexpr std::size_t kWarmRecords = 2000;
constexpr std::size_t kLineSize = 64;
// Reads and writes without an end would keep both cores of a small machine from all else.
constexpr std::chrono::microseconds kBetweenReads{200};
constexpr std::chrono::milliseconds kBetweenWrites{2};

enum Line : std::size_t { kOpened, kFirst, kWrite, kRead };

class Scoreboard {
 public:
  explicit Scoreboard(const std::string& path)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}
  ~Scoreboard() {
    if (file_ >= 0) ::close(file_);
  }
  Scoreboard(const Scoreboard&) = delete;
  Scoreboard& operator=(const Scoreboard&) = delete;

  bool is_open() const { return file_ >= 0; }

  void put(std::size_t line, const char* name, std::uint64_t number) const {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    std::string text =
        std::string(name) + ' ' + std::to_string(now.count()) + ' ' + std::to_string(number);
    text.resize(kLineSize - 1, ' ');
    text += '\n';
    if (::pwrite(file_, text.data(), kLineSize, static_cast<off_t>(line * kLineSize)) !=
        static_cast<ssize_t>(kLineSize)) {
      std::perror("apt_index: progress");
      std::exit(EXIT_FAILURE);
    }
  }

 private:
  const int file_;
};

// An open database and its threads.
class Work {
 public:
  Work(const Scoreboard& board, std::unique_ptr<Database> database)
      : board_(board), database_(std::move(database)) {}
  ~Work() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  rocksdb::Status start() {
    rocksdb::Status status = database_->last_numbered(last_number_);
    if (status.ok()) status = database_->warm(kWarmRecords, keys_);
    if (!status.ok()) return status;
    board_.put(kOpened, "opened", last_number_);
    threads_.emplace_back([this] { write(); });
    for (std::size_t i = 0; i < kReaders; ++i) threads_.emplace_back([this, i] { read(i); });
    return {};
  }

 private:
  void read(std::size_t reader) {
    std::mt19937_64 random(reader);
    std::uint64_t from_cache = 0;
    while (!stop_) {
      bool cached = false;
      if (!database_->read(keys_[random() % keys_.size()], cached).ok()) {
        std::this_thread::sleep_for(kBetweenWrites);  // bounded poll: the load's pace
        continue;
      }
      from_cache += cached ? 1 : 0;
      if (!read_once_.exchange(true)) board_.put(kFirst, "first", from_cache);
      board_.put(kRead + reader, "read", from_cache);
      std::this_thread::sleep_for(kBetweenReads);  // bounded poll: the load's pace
    }
  }

  void write() {
    while (!stop_) {
      // After a failed write RocksDB refuses all others: the readers go on.
      if (!database_->write_numbered(last_number_ + 1).ok()) return;
      board_.put(kWrite, "write", ++last_number_);
      std::this_thread::sleep_for(kBetweenWrites);  // bounded poll: the load's pace
    }
  }

  const Scoreboard& board_;
  const std::unique_ptr<Database> database_;
  std::vector<std::string> keys_;
  std::uint64_t last_number_ = 0;  // of the writer, once it runs
  std::atomic<bool> stop_ = false;
  std::atomic<bool> read_once_ = false;
  std::vector<std::thread> threads_;
};

class Server {
 public:
  explicit Server(const ServeOptions& options) : options_(options), board_(options.progress) {}

  bool has_board() const { return board_.is_open(); }

  // Ends the process where the database does not open.
  void open() {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Database> database;
    rocksdb::Status status = Database::open(options_.db, options_.store, database);
    if (status.ok()) {
      work_ = std::make_unique<Work>(board_, std::move(database));
      status = work_->start();
    }
    if (status.ok()) return;
    std::fprintf(stderr, "apt_index: %s\n", status.ToString().c_str());
    std::_Exit(EXIT_FAILURE);
  }

  void close() {
    const std::lock_guard lock(mutex_);
    work_.reset();
  }

  void reopen() {
    {
      const std::lock_guard lock(mutex_);
      if (work_ == nullptr) return;  // sealed
      work_.reset();
    }
    open();
  }

 private:
  const ServeOptions options_;
  const Scoreboard board_;
  std::mutex mutex_;
  std::unique_ptr<Work> work_;
};

rocksdb::Status set_handler(const ServeOptions& options, keyhold::RocksDBSealHandler handler) {
  if (!options.seal_handler) return {};
  return keyhold::SetRocksDBSealHandler("keyhold://" + options.store, std::move(handler));
}

}  // namespace

int serve(const ServeOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Server server(options);
  if (!server.has_board()) {
    std::perror("apt_index: --progress");
    return EXIT_FAILURE;
  }
  const rocksdb::Status status =
      set_handler(options, {.on_seal = [&](const std::string&) { server.close(); },
                            .on_unseal = [&] { server.open(); }});
  if (!status.ok()) {
    std::fprintf(stderr, "apt_index: %s\n", status.ToString().c_str());
    return EXIT_FAILURE;
  }
  server.open();
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) server.reopen();
  (void)set_handler(options, {});
  server.close();
  return EXIT_SUCCESS;
}

}  // namespace apt_index
