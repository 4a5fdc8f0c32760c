#include "store/log_reader.h"

#include <algorithm>

namespace keyhold::store {

Result<bool> LogSequentialReader::refill() {
  if (!rest_.empty()) {
    KEYHOLD_TRY(cursor_.confirm());
    return true;
  }
  KEYHOLD_TRY_ASSIGN(const auto payload, cursor_.next());
  if (!payload) {
    KEYHOLD_TRY(cursor_.warn_of_loss());
    return false;
  }
  rest_ = *payload;
  return true;
}

Result<std::size_t> LogSequentialReader::read(MutableByteView out) {
  std::size_t done = 0;
  while (done < out.size()) {
    auto more = refill();
    // What came before damage is handed out first; the next call reports it.
    if (!more && done > 0 && more.error().code() == Code::integrity) break;
    if (!more) return fail(more.error());
    if (!*more) break;
    const std::size_t count = std::min(rest_.size(), out.size() - done);
    copy_bytes(rest_.first(count), out.subspan(done));
    rest_ = rest_.subspan(count);
    done += count;
  }
  return done;
}

Status LogSequentialReader::skip(std::uint64_t bytes) {
  while (bytes > 0) {
    KEYHOLD_TRY_ASSIGN(const bool more, refill());
    if (!more) break;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(rest_.size(), bytes));
    rest_ = rest_.subspan(count);
    bytes -= count;
  }
  return {};
}

Result<std::size_t> LogRandomReader::read(std::uint64_t offset, MutableByteView out) {
  const std::lock_guard lock(mutex_);
  return read_locked(offset, out);
}

void LogRandomReader::read_many(std::span<ReadRequest> requests) {
  const std::lock_guard lock(mutex_);
  for (ReadRequest& request : requests) {
    auto count = read_locked(request.offset, request.out);
    request.done = count.value_or(0);
    request.status = count ? Status() : fail(count.error());
  }
}

Result<std::size_t> LogRandomReader::read_locked(std::uint64_t offset, MutableByteView out) {
  KEYHOLD_TRY(cursor_.confirm());
  go_near(offset);
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t wanted = offset + done;
    if (wanted >= cursor_.position().logical_bytes) {
      KEYHOLD_TRY_ASSIGN(const bool more, step());
      if (!more) break;
      continue;
    }
    const std::uint64_t start = cursor_.position().logical_bytes - payload_.size();
    const ByteView found = payload_.subspan(static_cast<std::size_t>(wanted - start));
    const std::size_t count = std::min(found.size(), out.size() - done);
    copy_bytes(found.first(count), out.subspan(done));
    done += count;
  }
  return done;
}

// Makes the current payload begin at or before `offset`.
void LogRandomReader::go_near(std::uint64_t offset) {
  const std::uint64_t start = cursor_.position().logical_bytes - payload_.size();
  const auto after = std::ranges::upper_bound(marks_, offset, {}, &Mark::logical_bytes);
  const std::uint64_t mark_start = after == marks_.begin() ? 0 : std::prev(after)->logical_bytes;
  if (start <= offset && start >= mark_start) return;
  LogPosition position;
  if (after != marks_.begin()) {
    const Mark& mark = *std::prev(after);
    position = {.physical_offset = mark.physical_offset,
                .number = mark.number,
                .logical_bytes = mark.logical_bytes,
                .session = sessions_.at(mark.session)};
  }
  payload_ = {};
  cursor_.seek(position);
}

Result<bool> LogRandomReader::step() {
  const LogPosition before = cursor_.position();
  payload_ = {};
  KEYHOLD_TRY_ASSIGN(const auto payload, cursor_.next());
  if (!payload) {
    KEYHOLD_TRY(cursor_.warn_of_loss());
    return false;
  }
  payload_ = *payload;
  remember(before);
  return true;
}

void LogRandomReader::remember(const LogPosition& position) {
  if (!position.session) return;
  const std::uint64_t last = marks_.empty() ? 0 : marks_.back().number;
  if (position.number < last + frames_between_marks_) return;
  if (sessions_.empty() || sessions_.back() != *position.session)
    sessions_.push_back(*position.session);
  if (marks_.size() == kMaxMarks) {
    std::size_t index = 0;
    std::erase_if(marks_, [&index](const Mark&) { return index++ % 2 == 1; });
    frames_between_marks_ *= 2;
  }
  marks_.push_back({.physical_offset = position.physical_offset,
                    .number = position.number,
                    .logical_bytes = position.logical_bytes,
                    .session = static_cast<std::uint32_t>(sessions_.size() - 1)});
}

void LogRandomReader::advise_random(bool random) {
  file_->advise(random ? io::Advice::random : io::Advice::normal, 0, 0);
}

Result<std::uint64_t> LogRandomReader::size() {
  const std::lock_guard lock(mutex_);
  for (;;) {
    KEYHOLD_TRY_ASSIGN(const bool more, step());
    if (!more) return cursor_.position().logical_bytes;
  }
}

}  // namespace keyhold::store
