// The audit log of one store: append-only, hash-chained, in segments (docs/formats/audit.md).
//
// Thread-safe. Whoever writes holds DIRECTORY/lock. A thread of the log's own writes; append()
// waits for it, but never longer than `patience`: a disk that hangs, is full or fails holds up
// nobody. What cannot be written waits in memory, in order, and is written as soon as the disk can;
// beyond `max_waiting` records are dropped, and a record `lost` says how many. The signer is called
// under the log's lock. Not for use in a forked child.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "audit/checkpoint.h"
#include "audit/end_of_log.h"
#include "audit/segment_writer.h"
#include "base/clock.h"
#include "base/error.h"
#include "io/file_system.h"

namespace keyhold::audit {

struct LogOptions {
  std::chrono::nanoseconds patience = std::chrono::milliseconds(200);
  std::chrono::nanoseconds retry = std::chrono::seconds(1);  // after a failed write
  std::size_t max_waiting = 4096;                            // routine records: half of it
  std::uint64_t max_segment_bytes = format::kMaxAuditSegmentSizeBytes;
  std::uint64_t records_per_checkpoint = 256;  // itself included
  // For another writer to be gone, at open().
  std::chrono::nanoseconds lock_patience{0};
  // The store had a log before: where there is none now, a record `log_unanchored` says so.
  bool expects_past = false;
};

struct LogHealth {
  std::uint64_t last_seq = 0;  // of the last record, written or waiting; 0: none
  std::size_t waiting = 0;     // records that the disk did not take yet
  std::uint64_t lost = 0;      // records dropped since open()
  std::string problem;         // why the last write failed; empty where it did not
};

class Log {
 public:
  // Makes the directory where needed; its parent exists. Goes on where the last writer ended: cuts
  // what a crash tore off (a record says so), and where there is damage that no crash did, leaves
  // all as it is and begins a new segment with a record `log_broken`. Code::busy where another
  // process writes, and still does after `lock_patience`. `files` and `clock` outlive the log.
  static Result<std::unique_ptr<Log>> open(io::FileSystem& files, const Clock& clock,
                                           const std::string& directory,
                                           const LogOptions& options = {});
  // Appends a last checkpoint where there is a signer, and ends with one more attempt to write what
  // waits. What the disk does not take then is lost, and the process's log says so.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Sets seq, time and prev; texts are made to fit. In the file when it returns (a killed process
  // loses it not), and on stable storage unless it is a successful probe or unwrap; or else it
  // waits in memory (above).
  void append(Record record);

  // The KEK is here: appends `record` (start or unseal), then a checkpoint, and one after each 255
  // records from now on. The first time, checks first that the host before wrote what is there;
  // where not, appends `log_broken` and returns Code::integrity with the reason, and goes on all
  // the same. Records that no checkpoint covers are counted in a `log_unanchored` before they are
  // signed with the rest. `signer` is kept until seal() or the next unseal().
  Status unseal(Record record, Signer signer);
  // The KEK is about to go: appends `record`, signs it with a checkpoint, forgets the signer. When
  // it returns the signer is not in use and never will be; so it comes before the key is wiped.
  void seal(Record record);
  // After a new KEK version, for a start: signs what is there. Nothing without a signer.
  void checkpoint();

  // Waits until every record so far is on the disk (successful probes and unwraps: in the file).
  // The last write's error where the deadline comes first.
  Status flush(Deadline deadline);

  [[nodiscard]] LogHealth health() const;

 private:
  using Lock = std::unique_lock<std::mutex>;

  Log(io::FileSystem& files, const Clock& clock, const std::string& directory,
      const LogOptions& options, const EndOfLog& end, std::unique_ptr<io::FileLock> lock);
  void report_end(const EndOfLog& end);

  // REQUIRES of all below: mutex_ is held.
  void enqueue(Record record);
  void put(Record record);
  void put_lost();
  void put_checkpoint();
  Status put_trust();
  void wait_for_disk(Lock& lock);

  void run();
  bool note_outcome(const Status& pushed, std::size_t lines);
  void tell(const Status& pushed) const;  // without mutex_

  const Clock& clock_;
  const LogOptions options_;
  const std::string directory_;
  const std::unique_ptr<io::FileLock> file_lock_;
  SegmentWriter writer_;  // the thread's alone, once it runs

  mutable std::mutex mutex_;  // never held over I/O
  std::condition_variable work_;
  std::condition_variable progress_;
  Link next_;
  std::deque<PendingLine> queue_;    // not given to the writer yet
  std::uint64_t pushed_seq_ = 0;     // all up to here is on the disk, as far as it asked to be
  std::uint64_t attempted_seq_ = 0;  // all up to here was tried at least once
  std::size_t waiting_ = 0;
  std::uint64_t lost_ = 0;  // since the last record `lost`
  std::uint64_t lost_ever_ = 0;
  std::uint64_t since_checkpoint_ = 0;
  std::uint32_t kek_version_ = 0;  // of the last checkpoint; a first guess for the next
  Signer signer_;
  // What the host before left to be checked once there is a key.
  bool untrusted_ = false;
  std::optional<Record> inherited_;
  std::uint64_t inherited_unsigned_ = 0;  // records behind it
  std::string problem_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace keyhold::audit
