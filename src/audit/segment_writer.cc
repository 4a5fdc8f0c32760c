#include "audit/segment_writer.h"

#include <utility>

namespace keyhold::audit {

using Access = io::OpenOptions::Access;
using Create = io::OpenOptions::Create;

SegmentWriter::SegmentWriter(io::FileSystem& files, std::string directory,
                             std::uint64_t max_segment_bytes, const EndOfLog& end)
    : files_(files),
      directory_(std::move(directory)),
      max_segment_bytes_(max_segment_bytes),
      durable_{.segment = end.segment, .size_bytes = end.size_bytes},
      here_(durable_) {}

Status SegmentWriter::push() {
  const Status pushed = push_once();
  if (!pushed) rewind();
  return pushed;
}

Status SegmentWriter::push_once() {
  while (written_ < lines_.size()) {
    KEYHOLD_TRY(write(lines_[written_]));
    wants_sync_ = wants_sync_ || lines_[written_].sync;
    ++written_;
  }
  KEYHOLD_TRY(cut_leftovers());
  if (wants_sync_ || written_ >= kMaxUnsyncedLines) return sync();
  return {};
}

Status SegmentWriter::write(const PendingLine& line) {
  const bool fits = here_.size_bytes + line.text.size() <= max_segment_bytes_;
  if (here_.segment.empty() || (!fits && here_.size_bytes > 0)) {
    KEYHOLD_TRY(begin_segment(line.seq));
  } else if (!file_) {
    KEYHOLD_TRY(open_current());
  }
  KEYHOLD_TRY(file_->write_at(here_.size_bytes, as_bytes(line.text)));
  here_.size_bytes += line.text.size();
  return {};
}

Status SegmentWriter::open_current() {
  KEYHOLD_TRY_ASSIGN(file_, files_.open(here_.segment, {.access = Access::read_write}));
  return {};
}

// The one before is whole on stable storage first: so a crash tears nothing but the last segment.
Status SegmentWriter::begin_segment(std::uint64_t first_seq) {
  if (file_) {
    KEYHOLD_TRY(cut_leftovers());
    KEYHOLD_TRY(sync());
    KEYHOLD_TRY(file_->close());
    file_.reset();
  }
  const std::string path = io::join_path(directory_, format::audit_segment_name(first_seq));
  auto made =
      files_.open(path, {.access = Access::read_write, .create = Create::exclusive, .mode = 0600});
  // Left by an attempt that failed behind this step: it holds these same lines, or fewer.
  if (!made && made.error().code() == Code::already_exists) {
    made = files_.open(path, {.access = Access::read_write});
    may_be_longer_ = true;
  }
  if (!made) return fail(made.error());
  KEYHOLD_TRY(files_.sync_directory(directory_));
  file_ = *std::move(made);
  here_ = {.segment = path, .size_bytes = 0};
  return {};
}

Status SegmentWriter::sync() {
  if (!file_) return {};
  KEYHOLD_TRY(file_->sync_data());
  lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(written_));
  written_ = 0;
  wants_sync_ = false;
  durable_ = here_;
  return {};
}

Status SegmentWriter::cut_leftovers() {
  if (!may_be_longer_ || !file_) return {};
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file_->info());
  if (info.size_bytes > here_.size_bytes) KEYHOLD_TRY(file_->truncate(here_.size_bytes));
  may_be_longer_ = false;
  return {};
}

// A handle whose sync failed stays failed, and what it wrote may be gone: a new one writes all of
// it again. Nothing is cut first, so that what is there stays there meanwhile.
void SegmentWriter::rewind() {
  file_.reset();
  here_ = durable_;
  written_ = 0;
  wants_sync_ = false;
  may_be_longer_ = true;
}

}  // namespace keyhold::audit
