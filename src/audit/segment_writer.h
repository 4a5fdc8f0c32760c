// Puts lines into segments, and keeps those in memory that a failing disk may not have.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "audit/end_of_log.h"
#include "base/error.h"
#include "io/file_system.h"

namespace keyhold::audit {

struct PendingLine {
  std::string text;  // with its line feed
  std::uint64_t seq = 0;
  bool sync = true;  // on stable storage before push() says that all is well
};

class SegmentWriter {
 public:
  // At most this many lines are written and not yet synced.
  static constexpr std::size_t kMaxUnsyncedLines = 256;

  // `files` outlives the writer; `directory` exists. Goes on at `end`.
  SegmentWriter(io::FileSystem& files, std::string directory, std::uint64_t max_segment_bytes,
                const EndOfLog& end);

  void add(PendingLine line) { lines_.push_back(std::move(line)); }
  // Writes what was added and syncs where a line asks for it. After a failure all that may not be
  // on stable storage is kept, and the next push() writes it again, at the same places.
  Status push();

 private:
  struct Place {
    std::string segment;  // empty: none yet
    std::uint64_t size_bytes = 0;
  };

  Status push_once();
  Status write(const PendingLine& line);
  Status open_current();
  Status begin_segment(std::uint64_t first_seq);
  Status sync();
  Status cut_leftovers();
  void rewind();

  io::FileSystem& files_;
  const std::string directory_;
  const std::uint64_t max_segment_bytes_;
  std::deque<PendingLine> lines_;  // not known to be on stable storage
  std::size_t written_ = 0;        // of these, from the front
  bool wants_sync_ = false;        // one of the written ones asks for it
  bool may_be_longer_ = true;      // an earlier attempt may have left bytes behind here_
  Place durable_;                  // the end of what is on stable storage
  Place here_;                     // the end of what is written
  std::unique_ptr<io::File> file_;
};

}  // namespace keyhold::audit
