#include "host/file_worker.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include "base/log.h"
#include "base/signals_blocked.h"
#include "store/reencryptor.h"

namespace keyhold::host {
namespace {

constexpr std::chrono::seconds kReportPause{1};
// Until files are looked at again that could not be brought over: an engine rolls its logs in its
// own time. Doubles while nothing changes.
constexpr std::chrono::seconds kFirstPause{2};
constexpr std::chrono::seconds kLongestPause{32};
constexpr int kIdlePasses = 3;

std::uint64_t random_number(crypto::Random& random) {
  std::array<std::uint8_t, 8> bytes{};
  random.fill(bytes);
  return load_le<std::uint64_t>(bytes);
}

}  // namespace

Result<std::unique_ptr<FileWorker>> FileWorker::start(StoreKeys& keys, store::Store& store,
                                                      const Clock& clock, bool present) {
  const FileWorkPaths paths{StoreLayout(store.root())};
  auto presence = store::Presence::watch(store.files(), paths.engines);
  if (present) {
    KEYHOLD_TRY_ASSIGN(presence, store::Presence::join(store.files(), paths.engines));
  }
  return std::unique_ptr<FileWorker>(new FileWorker(keys, store, clock, std::move(presence)));
}

FileWorker::FileWorker(StoreKeys& keys, store::Store& store, const Clock& clock,
                       std::unique_ptr<store::Presence> presence)
    : keys_(keys),
      store_(store),
      paths_(StoreLayout(store.root())),
      presence_(std::move(presence)),
      process_(random_number(store.random())),
      pacer_(clock),
      fork_watch_([this] {
        forked_ = true;
        presence_->leave_in_child();
      }) {
  const SignalsBlocked blocked;
  reporter_ = std::thread([this] { report_until_stopped(); });
  worker_ = std::thread([this] { work_until_stopped(); });
}

FileWorker::~FileWorker() {
  if (forked_) {
    reporter_.detach();
    worker_.detach();
    return;
  }
  pacer_.stop();
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  reporter_.join();
  worker_.join();
}

// What is begun under an older generation than `current` has its name once the names are settled.
FileReport FileWorker::make_report() {
  FileReport report{.process = process_,
                    .pid = ::getpid(),
                    .current = keys_.current_generation().value_or(Generation{}),
                    .clean = {},
                    .open = {},
                    .problem = {}};
  store_.settle_names();
  for (const store::OpenFileNote& note : store::open_files(store_)) {
    if (note.oldest < report.current) report.open.push_back(note);
  }
  const std::lock_guard lock(mutex_);
  report.clean = clean_;
  report.problem = problem_;
  return report;
}

void FileWorker::report_until_stopped() {
  pthread_setname_np(pthread_self(), "keyhold-files");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    lock.unlock();
    // Without a host, or sealed, nothing is known to be wanted.
    const auto wish = keys_.report_files(make_report());
    lock.lock();
    take(wish.value_or(FileWish{}));
    changed_.wait_for(lock, kReportPause, [&] { return stopped_; });
  }
}

// REQUIRES: mutex_ is held.
void FileWorker::take(const FileWish& wish) {
  if (wish == wish_) return;
  if (!wish.none()) pacer_.set_rate(wish.bytes_per_second);
  wish_ = wish;
  changed_.notify_all();
}

void FileWorker::work_until_stopped() {
  pthread_setname_np(pthread_self(), "keyhold-reenc");
  std::unique_lock lock(mutex_);
  std::chrono::seconds pause = kFirstPause;
  while (!stopped_) {
    const FileWish wish = wish_;
    if (wish.none() || clean_ == wish.target) {
      changed_.wait(lock);
      continue;
    }
    lock.unlock();
    const bool moved = pass(wish);
    lock.lock();
    if (clean_ == wish.target) continue;
    if (moved) {
      pause = kFirstPause;
      continue;
    }
    pause = std::min(pause * 2, kLongestPause);
    changed_.wait_for(lock, pause, [&] { return stopped_ || !(wish_ == wish); });
  }
}

bool FileWorker::pass(const FileWish& wish) {
  store::ReencryptOptions options;
  options.pace = [this](std::uint64_t bytes) { return pacer_.wait(bytes); };
  options.others = presence_.get();
  options.lock_path = paths_.reencryptor;
  const auto outcome = store::reencrypt(store_, wish.target, options);
  std::string problem = outcome ? std::string() : outcome.error().message();
  const bool expected =
      outcome || outcome.error().code() == Code::sealed || outcome.error().code() == Code::busy;
  const std::lock_guard lock(mutex_);
  if (!expected && problem != problem_) {
    log::warning("re-encryption of " + store_.root() + ": " + problem + "; it is tried again");
  }
  problem_ = std::move(problem);
  if (outcome && outcome->done.files > 0) {
    log::info("re-encrypted " + std::to_string(outcome->done.files) + " files of " + store_.root() +
              " under DEK generation " + std::to_string(number(wish.target)));
  }
  const bool moved = outcome && outcome->done.files > 0;
  const bool idle = outcome && !moved && outcome->pending.empty();
  idle_passes_ = idle ? idle_passes_ + 1 : 0;
  // What went meanwhile may have been renamed; but under a busy engine something always goes.
  if (idle && (outcome->gone == 0 || idle_passes_ == kIdlePasses)) clean_ = wish.target;
  return moved;
}

}  // namespace keyhold::host
