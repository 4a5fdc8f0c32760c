#include "audit/log.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/signals_blocked.h"

namespace keyhold::audit {
namespace {

constexpr std::chrono::milliseconds kLookAgain{20};

Status ensure_directory(io::FileSystem& files, const std::string& directory) {
  KEYHOLD_TRY_ASSIGN(const bool there, io::exists(files, directory));
  if (!there) KEYHOLD_TRY(files.make_directory(directory, 0700));
  // Also where it is there: an attempt that failed at this step may have made it.
  return files.sync_directory(io::parent_path(directory));
}

// Nobody tells when a lock is given back: it is looked for again.
Result<std::unique_ptr<io::FileLock>> take_lock(io::FileSystem& files, const std::string& directory,
                                                std::chrono::nanoseconds patience) {
  const Deadline deadline = Deadline::after(system_clock(), patience);
  for (;;) {
    auto lock = files.lock(io::join_path(directory, "lock"));
    if (lock || lock.error().code() != Code::busy) return lock;
    if (deadline.expired(system_clock())) {
      return fail(Code::busy, "another process writes the audit log " + directory);
    }
    std::this_thread::sleep_for(kLookAgain);  // bounded poll of another process
  }
}

Record own_record(std::string_view event) {
  Record record;
  record.event = event;
  return record;
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(io::FileSystem& files, const Clock& clock,
                                       const std::string& directory, const LogOptions& options) {
  KEYHOLD_TRY(ensure_directory(files, directory));
  KEYHOLD_TRY_ASSIGN(auto lock, take_lock(files, directory, options.lock_patience));
  KEYHOLD_TRY_ASSIGN(const EndOfLog end, find_end_of_log(files, directory));
  std::unique_ptr<Log> log(new Log(files, clock, directory, options, end, std::move(lock)));
  log->report_end(end);
  return log;
}

Log::Log(io::FileSystem& files, const Clock& clock, const std::string& directory,
         const LogOptions& options, const EndOfLog& end, std::unique_ptr<io::FileLock> lock)
    : clock_(clock),
      options_(options),
      directory_(directory),
      file_lock_(std::move(lock)),
      writer_(files, directory, options.max_segment_bytes, end),
      next_(end.next),
      pushed_seq_(end.next.seq - 1),
      attempted_seq_(end.next.seq - 1),
      since_checkpoint_(end.records_since_checkpoint),
      untrusted_(!end.is_new() && end.damage.empty()),
      inherited_(end.checkpoint),
      inherited_unsigned_(end.records_since_checkpoint) {
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

Log::~Log() {
  {
    Lock lock(mutex_);
    if (since_checkpoint_ > 0) put_checkpoint();
    wait_for_disk(lock);
    stop_ = true;
    work_.notify_all();
  }
  thread_.join();
  if (waiting_ == 0) return;
  log::error("audit log " + directory_ + ": " + std::to_string(waiting_) +
             " records could not be written and are lost: " + problem_);
}

void Log::report_end(const EndOfLog& end) {
  Record record;
  if (!end.damage.empty()) {
    record = own_record(events::kLogBroken);
    record.outcome = code_name(Code::integrity);
    record.message = end.damage;
    log::error("audit log " + directory_ + " is not what was written: " + end.damage);
  } else if (end.torn_bytes > 0) {
    record = own_record(events::kRepaired);
    record.count = end.torn_bytes;
    record.message = "a crash had torn the last lines";
    log::warning("audit log " + directory_ + ": cut off " + std::to_string(end.torn_bytes) +
                 " bytes that a crash had torn");
  } else if (end.is_new() && options_.expects_past) {
    record = own_record(events::kLogUnanchored);
    record.message = "there was no log, although the store had one: it was removed";
    log::warning("audit log " + directory_ + ": " + record.message);
  } else {
    return;
  }
  append(std::move(record));
}

void Log::append(Record record) {
  Lock lock(mutex_);
  enqueue(std::move(record));
  wait_for_disk(lock);
}

Status Log::unseal(Record record, Signer signer) {
  Lock lock(mutex_);
  signer_ = std::move(signer);
  Status trust = put_trust();
  enqueue(std::move(record));
  if (since_checkpoint_ > 0) put_checkpoint();
  wait_for_disk(lock);
  lock.unlock();
  if (!trust) log::error(trust.error().message());
  return trust;
}

void Log::seal(Record record) {
  Lock lock(mutex_);
  enqueue(std::move(record));
  if (since_checkpoint_ > 0) put_checkpoint();
  signer_ = {};
  wait_for_disk(lock);
}

void Log::checkpoint() {
  Lock lock(mutex_);
  put_checkpoint();
  wait_for_disk(lock);
}

Status Log::flush(Deadline deadline) {
  Lock lock(mutex_);
  std::uint64_t last = next_.seq - 1;
  bool owes_lost = lost_ > 0;
  while (pushed_seq_ < last || owes_lost) {
    if (deadline.expired(clock_)) {
      return fail(Code::io, "the audit log " + directory_ + " was not written in time" +
                                (problem_.empty() ? "" : ": " + problem_));
    }
    // The deadline may be on a clock of a test's: look at it now and then.
    progress_.wait_for(lock, std::chrono::milliseconds(20));
    // The record of what was lost has a number only once there is room for it.
    if (owes_lost && lost_ == 0) {
      owes_lost = false;
      last = next_.seq - 1;
    }
  }
  return {};
}

LogHealth Log::health() const {
  const std::lock_guard lock(mutex_);
  return {.last_seq = next_.seq - 1, .waiting = waiting_, .lost = lost_ever_, .problem = problem_};
}

void Log::enqueue(Record record) {
  format::fit_audit_record(record);
  record.mac.reset();
  const std::size_t limit = is_routine(record) ? options_.max_waiting / 2 : options_.max_waiting;
  // The last place is for the record of what was lost.
  if (waiting_ + 1 >= limit) {
    ++lost_;
    ++lost_ever_;
    return;
  }
  put_lost();
  put(std::move(record));
  if (since_checkpoint_ + 1 >= options_.records_per_checkpoint) put_checkpoint();
}

void Log::put(Record record) {
  record.seq = next_.seq;
  record.prev = next_.prev;
  record.time = clock_.wall_now();
  if (record.event == events::kCheckpoint) {
    const Status made = sign_checkpoint(record, signer_);
    if (!made) return;  // the next one covers what this one would have
    kek_version_ = record.kek_version;
    since_checkpoint_ = 0;
  } else {
    ++since_checkpoint_;
  }
  std::string text = format::serialize_audit_record(record);
  next_.skip({.text = text});
  text += '\n';
  queue_.push_back({.text = std::move(text), .seq = record.seq, .sync = !is_routine(record)});
  ++waiting_;
  work_.notify_one();
}

void Log::put_lost() {
  if (lost_ == 0) return;
  Record record = own_record(events::kLost);
  record.count = std::exchange(lost_, 0);
  record.message = problem_;
  put(std::move(record));
}

void Log::put_checkpoint() {
  if (!signer_ || waiting_ >= options_.max_waiting) return;
  Record record = own_record(events::kCheckpoint);
  record.kek_version = kek_version_;
  put(std::move(record));
}

// A host signs what it wrote. What it found, it vouches for only where the host before did: records
// behind the last checkpoint have no key's word for them, and could be anybody's.
Status Log::put_trust() {
  if (!signer_ || !std::exchange(untrusted_, false)) return {};
  const std::optional<Record> checkpoint = std::exchange(inherited_, std::nullopt);
  Record record = own_record(events::kLogUnanchored);
  record.count = inherited_unsigned_;
  if (!checkpoint) {
    record.message = "the host before left no checkpoint to check";
    enqueue(std::move(record));
    return {};
  }
  const auto state = check_checkpoint(*checkpoint, signer_);
  if (state && *state == CheckpointState::good) {
    if (inherited_unsigned_ == 0) return {};
    record.message = "signed by nobody: records " + std::to_string(checkpoint->seq + 1) + " to " +
                     std::to_string(checkpoint->seq + inherited_unsigned_);
    enqueue(std::move(record));
    return {};
  }
  if (!state || *state == CheckpointState::older_kek) {
    record.message = state ? "the last checkpoint is of KEK version " +
                                 std::to_string(checkpoint->kek_version) + ", which is no more"
                           : state.error().message();
    enqueue(std::move(record));
    return {};
  }
  record.event = events::kLogBroken;
  record.count = 0;
  record.outcome = code_name(Code::integrity);
  record.message = "the checkpoint in record " + std::to_string(checkpoint->seq) +
                   " is not the store's: somebody else wrote the log up to here";
  Error error(Code::integrity, "audit log " + directory_ + ": " + record.message);
  enqueue(std::move(record));
  return fail(std::move(error));
}

void Log::wait_for_disk(Lock& lock) {
  const std::uint64_t last = next_.seq - 1;
  progress_.wait_for(lock, options_.patience, [&] { return attempted_seq_ >= last; });
}

void Log::run() {
  Lock lock(mutex_);
  const auto has_work = [this] { return stop_ || !queue_.empty(); };
  for (;;) {
    if (waiting_ > queue_.size() && !has_work()) {
      work_.wait_for(lock, options_.retry, has_work);
    } else {
      work_.wait(lock, has_work);
    }
    if (stop_ && waiting_ == 0) return;
    const std::size_t lines = waiting_;
    for (; !queue_.empty(); queue_.pop_front()) writer_.add(std::move(queue_.front()));
    const std::uint64_t last = next_.seq - 1;
    lock.unlock();
    const Status pushed = writer_.push();
    lock.lock();
    attempted_seq_ = last;
    if (pushed) pushed_seq_ = last;
    const bool is_news = note_outcome(pushed, lines);
    progress_.notify_all();
    if (is_news) {
      lock.unlock();
      tell(pushed);
      lock.lock();
    }
    if (stop_ && (!pushed || waiting_ == 0)) return;
  }
}

// True where this attempt went otherwise than the one before.
bool Log::note_outcome(const Status& pushed, std::size_t lines) {
  if (pushed) {
    waiting_ -= lines;
    put_lost();
  }
  const std::string problem = pushed ? std::string() : pushed.error().message();
  return std::exchange(problem_, problem) != problem;
}

void Log::tell(const Status& pushed) const {
  if (pushed) {
    log::info("audit log " + directory_ + ": written again");
  } else {
    log::error("audit log " + directory_ + ": records wait in memory: " + pushed.error().message());
  }
}

}  // namespace keyhold::audit
