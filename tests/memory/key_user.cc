// A process that holds keys of a store in every way in which the store library does, and goes on
// living when the store is sealed: handles open, threads that have used keys still there.
//
//   key_user host|client STORE
//
// Standard input, a line a command; standard output, a line an answer:
//   use      reads and writes through every handle, on this thread and another    "used"
//   seal     as `keyhold store seal` (a host only)                                  "sealed"
//   unseal   as `keyhold store unseal` (a host only)                                "unsealed"
//   refused  waits until every handle answers "sealed"                              "refused"
//   served   waits until they read again                                            "served"
// Ends with its input; an unexpected answer of the store ends it with status 1.
#include <condition_variable>
#include <functional>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "crypto/random.h"
#include "host/attach.h"
#include "io/file_system.h"
#include "store/store.h"

namespace keyhold {
namespace {

constexpr std::size_t kTableBytes = 300'000;
constexpr std::size_t kLogBytes = 20'000;

[[noreturn]] void fail_with(const Error& error) {
  std::cerr << "key_user: " << error.message() << '\n';
  std::exit(1);
}
void must(const Status& status) {
  if (!status) fail_with(status.error());
}
template <typename T>
T must(Result<T> result) {
  if (!result) fail_with(result.error());
  return *std::move(result);
}

host::Environment machine() {
  return {io::posix_file_system(), system_clock(), crypto::system_random()};
}

// Not compressible to nothing, and no zeros: E(0) is GHASH's key.
ByteVector content(std::size_t size) {
  ByteVector bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(1 + i % 251);
  return bytes;
}

// A thread that does what it is told and then waits: what it left on its stack stays there.
class Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    give({});
    thread_.join();
  }
  void work(std::function<void()> task) {
    give(std::move(task));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !busy_; });
  }

 private:
  void give(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    task_ = std::move(task);
    busy_ = true;
    changed_.notify_all();
  }
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return busy_; });
      if (!task_) return;
      task_();
      busy_ = false;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> task_;
  bool busy_ = false;
  std::thread thread_;
};

// A handle of each kind.
class Handles {
 public:
  Handles(store::Store& store, const std::string& name)
      : store_(store), base_(store.root() + "/" + name) {
    write(".table", store::Layout::table, kTableBytes);
    write(".log", store::Layout::log, kLogBytes);
    table_ = must(store.open_random(base_ + ".table"));
    log_ = must(store.open_random(base_ + ".log"));
    sequential_ = must(store.open_sequential(base_ + ".log"));
    open_writers();
  }

  // What a writer had in memory is gone with a seal, so those fail for good.
  void open_writers() {
    const std::string number = std::to_string(++writers_);
    new_table_ = must(store_.create(base_ + ".new-table-" + number, store::Layout::table));
    new_log_ = must(store_.create(base_ + ".new-log-" + number, store::Layout::log));
    tail_ = must(store_.create(base_ + ".tail-" + number, store::Layout::table));
    must(tail_->append(content(100)));
  }

  Status use() {
    KEYHOLD_TRY(read());
    KEYHOLD_TRY(new_log_->append(content(5000)));
    KEYHOLD_TRY(new_log_->sync(true));
    KEYHOLD_TRY(new_table_->append(content(std::size_t{3} * 4080)));
    return new_table_->flush();
  }
  Status read() {
    ByteVector out(10'000);
    for (store::RandomFile* const file : {table_.get(), log_.get()}) {
      KEYHOLD_TRY_ASSIGN(const std::size_t got, file->read(5000, out));
      if (got != out.size()) return fail(Code::internal, "a short read");
    }
    // Never to its end: there is nothing to be decrypted.
    KEYHOLD_TRY(sequential_->read(MutableByteView(out).first(1000)));
    return {};
  }
  // The name of a handle that still works; none where all refuse.
  const char* not_refused() {
    ByteVector out(100);
    if (!is_sealed(table_->read(0, out))) return "the reader of a table";
    if (!is_sealed(log_->read(0, out))) return "the reader of a log";
    if (!is_sealed(sequential_->read(out))) return "the reader of a log from its beginning";
    if (!is_sealed(new_log_->append(out))) return "the writer of a log";
    if (!is_sealed(new_table_->append(content(std::size_t{2} * 4080)))) return "a table's writer";
    return tail_->sync(true) ? "the writer of a table's tail" : nullptr;
  }

 private:
  template <typename T>
  static bool is_sealed(const Result<T>& result) {
    return !result && result.error().code() == Code::sealed;
  }
  void write(const char* ending, store::Layout layout, std::size_t size) {
    const auto file = must(store_.create(base_ + ending, layout));
    must(file->append(content(size)));
    must(file->close());
  }

  store::Store& store_;
  const std::string base_;
  int writers_ = 0;
  std::unique_ptr<store::RandomFile> table_, log_;
  std::unique_ptr<store::SequentialFile> sequential_;
  std::unique_ptr<store::AppendFile> new_table_, new_log_, tail_;
};

void await(const std::function<bool()>& holds, const char* const& otherwise) {
  const Deadline deadline = Deadline::after(system_clock(), std::chrono::seconds(20));
  while (!holds()) {
    if (deadline.expired(system_clock())) fail_with(Error(Code::unavailable, otherwise));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // bounded poll
  }
}

struct Attached {
  std::unique_ptr<host::Host> host;
  std::unique_ptr<host::StoreKeys> client;
  [[nodiscard]] host::StoreKeys& keys() const { return host ? *host : *client; }
};

Attached attach(const std::string& role, const std::string& root) {
  Attached attached;
  if (role == "host") {
    attached.host = must(host::Host::open(machine(), root));
  } else {
    host::AttachOptions options;
    options.only_as_client = true;
    attached.client = must(host::attach(machine(), root, options));
  }
  return attached;
}

int serve(const std::string& role, const std::string& root) {
  const Attached attached = attach(role, root);
  store::Store store(io::posix_file_system(), attached.keys(), crypto::system_random(), root);
  Handles handles(store, role);
  Worker worker;
  std::cout << "ready" << std::endl;
  for (std::string word; std::getline(std::cin, word);) {
    if (word == "use") {
      must(handles.use());
      worker.work([&] { must(handles.use()); });
    } else if (word == "seal") {
      must(attached.host->order_seal());
    } else if (word == "unseal") {
      must(attached.host->order_unseal());
    } else if (word == "refused") {
      const char* left = nullptr;
      await([&] { return (left = handles.not_refused()) == nullptr; }, left);
    } else if (word == "served") {
      await([&] { return handles.read().has_value(); }, "not served again");
      handles.open_writers();
    } else {
      return 2;
    }
    std::cout << word
              << (word.ends_with('e')    ? "d"
                  : word.ends_with("al") ? "ed"
                                         : "")
              << std::endl;
  }
  std::_Exit(0);  // as an engine that is killed: no file is closed
}

}  // namespace
}  // namespace keyhold

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: key_user host|client STORE\n";
    return 2;
  }
  return keyhold::serve(argv[1], argv[2]);
}
