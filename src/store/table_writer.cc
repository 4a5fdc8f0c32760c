#include "store/table_writer.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "crypto/instance.h"
#include "store/scratch.h"

namespace keyhold::store {
namespace {

using format::kChunkPayloadBytes;
using format::kChunkSizeBytes;

constexpr std::uint64_t kDirectAlignment = 4096;

std::uint64_t physical_offset(std::uint64_t logical) {
  return format::kHeaderSizeBytes + logical / kChunkPayloadBytes * kChunkSizeBytes;
}

std::uint64_t physical_length(std::uint64_t logical) {
  return (logical + kChunkPayloadBytes - 1) / kChunkPayloadBytes * kChunkSizeBytes;
}

}  // namespace

TableWriter::TableWriter(std::string path, std::unique_ptr<io::File> file, HeaderBlock header,
                         KeySource& source, crypto::Random& random, bool direct,
                         std::shared_ptr<LiveFile> live,
                         std::optional<format::TableGeometry> finished)
    : path_(std::move(path)),
      file_(std::move(file)),
      direct_(direct),
      live_(std::move(live)),
      random_(random),
      header_(std::move(header)),
      keys_(source, header_.slot()),
      finished_(finished.has_value()),
      process_(getpid()),
      memory_instance_(crypto::memory_instance()),
      next_chunk_(finished ? finished->full_chunks : 0),
      size_bytes_(finished ? finished->logical_bytes() : 0) {
  place_ = source.guard().add(*this);  // last: a seal may come at once
}

Result<std::unique_ptr<TableWriter>> TableWriter::reopen(const std::string& path,
                                                         std::unique_ptr<io::File> file,
                                                         HeaderBlock header, KeySource& source,
                                                         crypto::Random& random) {
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  const auto geometry = format::table_geometry(info.size_bytes);
  if (!geometry) {
    return fail(Code::integrity,
                path + ": the file ends without its final chunk: truncated, or never closed");
  }
  return std::make_unique<TableWriter>(path, std::move(file), std::move(header), source, random,
                                       false, nullptr, geometry);
}

TableWriter::~TableWriter() {
  keys_.source().guard().remove(place_);
  crypto::wipe(held_);
}

// A seal takes the held plaintext along with the keys.
void TableWriter::wipe_keys() {
  crypto::wipe(held_);
  if (!finished_) {
    failure_ = fail(
        Code::sealed,
        path_ +
            ": the store was sealed while this file was being written; its unwritten end is gone");
  }
}

Status TableWriter::usable() const {
  const SealGuard::Use use(keys_.source().guard());
  return failure_;
}

Status TableWriter::poison(Status status) {
  if (!status) {
    const SealGuard::Use use(keys_.source().guard());
    if (failure_) failure_ = status;
  }
  return status;
}

Status TableWriter::append(ByteView data) {
  const std::lock_guard lock(mutex_);
  KEYHOLD_TRY(usable());
  if (finished_ || closed_) {
    return fail(Code::unsupported,
                path_ + ": a table-like file takes no more data once it was synced or closed");
  }
  if (crypto::memory_instance() != memory_instance_) KEYHOLD_TRY(poison(switch_subkey()));
  while (!data.empty()) {
    const bool fills_chunk = held_bytes_ + data.size() >= kChunkPayloadBytes;
    if (fills_chunk) {
      KEYHOLD_TRY(poison(seal_chunks(data)));
    } else {
      KEYHOLD_TRY(hold(data));
      data = {};
    }
  }
  return {};
}

Status TableWriter::hold(ByteView data) {
  const SealGuard::Use use(keys_.source().guard());
  KEYHOLD_TRY(failure_);
  copy_bytes(data, MutableByteView(held_).subspan(held_bytes_));
  held_bytes_ += data.size();
  size_bytes_ += data.size();
  return {};
}

// Seals and writes as many chunks as one scratch buffer takes; `data` shrinks by what went into
// them.
Status TableWriter::seal_chunks(ByteView& data) {
  const std::uint64_t offset = format::kHeaderSizeBytes + next_chunk_ * kChunkSizeBytes;
  // A write ends where the buffer's size divides the file: the kernel then caches the file in large
  // folios, which random reads find faster.
  const MutableByteView scratch =
      thread_scratch().first(kScratchSizeBytes - offset % kScratchSizeBytes);
  const std::size_t size_before = data.size();
  std::size_t count = 0;
  std::uint64_t epoch = 0;
  KEYHOLD_TRY(keys_.with([&](const SealGuard::Use& use) -> Status {
    KEYHOLD_TRY(failure_);
    epoch = use.epoch();
    count = seal_into(scratch, data);
    return {};
  }));
  KEYHOLD_TRY(file_->write_at(offset, scratch.first(count * kChunkSizeBytes)));
  next_chunk_ += count;
  size_bytes_ += size_before - data.size();
  keys_.source().add_sealed_bytes(header_.slot().generation, count * kChunkSizeBytes);
  return keys_.confirm(epoch);
}

// Within a use of the keys. Returns the number of chunks.
std::size_t TableWriter::seal_into(MutableByteView out, ByteView& data) {
  std::size_t count = 0;
  while ((count + 1) * kChunkSizeBytes <= out.size() &&
         held_bytes_ + data.size() >= kChunkPayloadBytes) {
    ByteView payload = data.first(std::min(data.size(), kChunkPayloadBytes - held_bytes_));
    data = data.subspan(payload.size());
    if (held_bytes_ > 0) {
      copy_bytes(payload, MutableByteView(held_).subspan(held_bytes_));
      held_bytes_ = 0;
      payload = held_;
    }
    const std::uint64_t index = next_chunk_ + count;
    const MutableByteView chunk = out.subspan(count * kChunkSizeBytes, kChunkSizeBytes);
    keys_.chunk_key(index).seal(format::counter_nonce(index), {}, payload,
                                chunk.first(kChunkPayloadBytes), chunk.subspan(kChunkPayloadBytes));
    ++count;
  }
  return count;
}

// The machine was cloned: whoever runs this from now on has a subkey of its own, on disk before its
// first use. A forked child does not come past its guard.
Status TableWriter::switch_subkey() {
  format::HeaderSlot next = header_.slot();
  if (next.switches.size() == format::kMaxSubkeySwitches) {
    return fail(Code::unsupported, path_ + ": cloned more than " +
                                       std::to_string(format::kMaxSubkeySwitches) +
                                       " times while being written; write it again");
  }
  const format::SubkeySwitch change{.first_chunk = next_chunk_, .salt = new_salt(random_)};
  next.switches.push_back(change);
  KEYHOLD_TRY(header_.replace(*file_, keys_.source(), std::move(next)));
  KEYHOLD_TRY(file_->sync_data());
  keys_.add_switch(change);
  memory_instance_ = crypto::memory_instance();
  return {};
}

Status TableWriter::finish() {
  KEYHOLD_TRY(usable());
  std::array<std::uint8_t, format::kFinalOverheadBytes + kChunkPayloadBytes> bytes;
  const MutableByteView record =
      MutableByteView(bytes).first(format::kFinalOverheadBytes + held_bytes_);
  std::uint64_t epoch = 0;
  KEYHOLD_TRY(poison(seal_final(record, epoch)));
  KEYHOLD_TRY(poison(write_final(record)));
  KEYHOLD_TRY(poison(keys_.confirm(epoch)));
  keys_.source().add_sealed_bytes(header_.slot().generation, record.size());
  return {};
}

Status TableWriter::seal_final(MutableByteView record, std::uint64_t& epoch) {
  const MutableByteView salt = record.first(format::kSaltSizeBytes);
  random_.fill(salt);
  std::array<std::uint8_t, 8> chunk_count{};
  store_le<std::uint64_t>(chunk_count, next_chunk_);
  return keys_.with([&](const SealGuard::Use& use) -> Status {
    KEYHOLD_TRY(failure_);
    epoch = use.epoch();
    KEYHOLD_TRY_ASSIGN(const crypto::AeadKey key, keys_.final_key(salt));
    key.seal(format::counter_nonce(0), chunk_count, ByteView(held_).first(held_bytes_),
             record.subspan(format::kSaltSizeBytes, held_bytes_),
             record.last(crypto::kTagSizeBytes));
    finished_ = true;  // from here on a seal takes nothing that is not written or on its way
    return {};
  });
}

Status TableWriter::write_final(ByteView record) {
  const std::uint64_t offset = format::kHeaderSizeBytes + next_chunk_ * kChunkSizeBytes;
  if (!direct_) {
    KEYHOLD_TRY(file_->write_at(offset, record));
    // Blocks that were reserved and not needed.
    return reserved_ ? file_->truncate(offset + record.size()) : Status();
  }
  // Whole blocks first, then the true end.
  const std::size_t padded =
      (record.size() + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
  const MutableByteView block = thread_scratch().first(padded);
  copy_bytes(record, block);
  std::ranges::fill(block.subspan(record.size()), std::uint8_t{0});
  KEYHOLD_TRY(file_->write_at(offset, block));
  return file_->truncate(offset + record.size());
}

Status TableWriter::sync(bool with_metadata) {
  std::uint64_t epoch = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!finished_) KEYHOLD_TRY(finish());
    const SealGuard::Use use(keys_.source().guard());
    KEYHOLD_TRY(use.check());
    KEYHOLD_TRY(failure_);
    epoch = use.epoch();
  }
  KEYHOLD_TRY(with_metadata ? file_->sync_all() : file_->sync_data());
  return keys_.confirm(epoch);
}

Status TableWriter::sync_range(std::uint64_t offset, std::uint64_t length, bool wait) {
  return file_->sync_range(physical_offset(offset), physical_length(length), wait);
}

Status TableWriter::reserve(std::uint64_t offset, std::uint64_t length) {
  reserved_ = true;
  return file_->reserve(physical_offset(offset), physical_length(length) + kChunkSizeBytes);
}

Status TableWriter::truncate(std::uint64_t size_bytes) {
  if (size_bytes == size()) return {};
  return fail(Code::unsupported, path_ + ": an append-mode file cannot be cut");
}

Status TableWriter::close() {
  const std::lock_guard lock(mutex_);
  if (closed_) return {};
  Status status = finished_ || process_ != getpid() ? Status() : finish();
  closed_ = true;
  if (Status closing = file_->close(); status && !closing) status = closing;
  if (live_) live_->closed = true;
  return status;
}

}  // namespace keyhold::store
