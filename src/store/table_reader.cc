#include "store/table_reader.h"

#include <algorithm>
#include <utility>

#include "store/scratch.h"

namespace keyhold::store {
namespace {

using format::kChunkPayloadBytes;
using format::kChunkSizeBytes;

constexpr std::uint64_t kDirectAlignment = 4096;
// One chunk is left for a range that starts in the middle of one, one for a final chunk longer than
// 4096 bytes.
constexpr std::size_t kBatchPayloadBytes =
    (kScratchSizeBytes / kChunkSizeBytes - 2) * kChunkPayloadBytes;

}  // namespace

TableReader::TableReader(std::string path, std::unique_ptr<io::File> file,
                         const HeaderBlock& header, KeySource& source,
                         format::TableGeometry geometry, bool direct)
    : path_(std::move(path)),
      file_(std::move(file)),
      file_id_(header.slot().file_id),
      geometry_(geometry),
      direct_(direct),
      keys_(source, header.slot()) {}

Result<std::unique_ptr<TableReader>> TableReader::open(std::string path,
                                                       std::unique_ptr<io::File> file,
                                                       const HeaderBlock& header, KeySource& source,
                                                       bool direct) {
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  const auto geometry = format::table_geometry(info.size_bytes);
  if (!geometry) {
    return fail(Code::integrity,
                path + ": the file ends without its final chunk: truncated, or never closed");
  }
  std::unique_ptr<TableReader> reader(
      new TableReader(std::move(path), std::move(file), header, source, *geometry, direct));
  // Its tag is checked even when it holds nothing.
  std::array<std::uint8_t, kChunkPayloadBytes> end;
  const MutableByteView out = MutableByteView(end).first(geometry->final_payload_bytes);
  KEYHOLD_TRY(reader->read_batch(geometry->full_chunks * kChunkPayloadBytes, out));
  return reader;
}

Result<std::size_t> TableReader::read(std::uint64_t offset, MutableByteView out) {
  const std::uint64_t end = geometry_.logical_bytes();
  if (offset >= end || out.empty()) {
    // Nothing is decrypted, and yet a seal ends this too.
    const SealGuard::Use use(keys_.source().guard());
    KEYHOLD_TRY(use.check());
    return 0;
  }
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end - offset));
  for (std::size_t done = 0; done < count;) {
    const std::size_t batch = std::min(count - done, kBatchPayloadBytes);
    if (Status status = read_batch(offset + done, out.subspan(done, batch)); !status) {
      crypto::wipe(out.first(done));
      return fail(status.error());
    }
    done += batch;
  }
  return count;
}

void TableReader::read_many(std::span<ReadRequest> requests) {
  for (ReadRequest& request : requests) {
    auto count = read(request.offset, request.out);
    request.done = count.value_or(0);
    request.status = count ? Status() : fail(count.error());
  }
}

std::size_t TableReader::payload_bytes(std::uint64_t chunk) const {
  return chunk < geometry_.full_chunks ? kChunkPayloadBytes : geometry_.final_payload_bytes;
}

// Physical end.
std::uint64_t TableReader::chunk_end(std::uint64_t chunk) const {
  if (chunk < geometry_.full_chunks)
    return format::kHeaderSizeBytes + (chunk + 1) * kChunkSizeBytes;
  return geometry_.physical_bytes();
}

// At most kBatchPayloadBytes that lie within the file: one read of whole chunks, then the cipher.
Status TableReader::read_batch(std::uint64_t offset, MutableByteView out) {
  const std::uint64_t first = offset / kChunkPayloadBytes;
  const std::uint64_t last = out.empty() ? first : (offset + out.size() - 1) / kChunkPayloadBytes;
  const std::uint64_t from = format::kHeaderSizeBytes + first * kChunkSizeBytes;
  const auto length = static_cast<std::size_t>(chunk_end(last) - from);
  const std::size_t asked =
      direct_ ? (length + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment : length;
  const MutableByteView physical = thread_scratch().first(asked);
  KEYHOLD_TRY_ASSIGN(const std::size_t count, file_->read_at(from, physical));
  if (count < length) {
    return fail(Code::integrity, path_ + ": the file became shorter while it was open");
  }
  return keys_.with([&](const SealGuard::Use&) {
    return open_chunks(physical.first(length), first, offset, out);
  });
}

// Whole chunks are decrypted where the caller wants them; of others, the wanted part is copied.
Status TableReader::open_chunks(ByteView physical, std::uint64_t first_chunk, std::uint64_t offset,
                                MutableByteView out) const {
  std::array<std::uint8_t, kChunkPayloadBytes> partial;
  std::size_t skip = static_cast<std::size_t>(offset - first_chunk * kChunkPayloadBytes);
  std::size_t done = 0;
  std::uint64_t chunk = first_chunk;
  do {
    const std::size_t payload = payload_bytes(chunk);
    const std::size_t wanted = std::min(payload - skip, out.size() - done);
    const bool whole = wanted == payload;
    const MutableByteView plaintext =
        whole ? out.subspan(done, payload) : MutableByteView(partial).first(payload);
    if (Status status = open_chunk(physical, chunk, plaintext); !status) {
      crypto::wipe(out);
      return status;
    }
    if (!whole) copy_bytes(plaintext.subspan(skip, wanted), out.subspan(done));
    physical = physical.subspan(std::min(physical.size(), kChunkSizeBytes));
    done += wanted;
    skip = 0;
    ++chunk;
  } while (done < out.size());
  return {};
}

// `physical` begins with the chunk.
Status TableReader::open_chunk(ByteView physical, std::uint64_t chunk,
                               MutableByteView plaintext) const {
  if (chunk < geometry_.full_chunks) {
    if (keys_.chunk_key(chunk).open(
            format::counter_nonce(chunk), {}, physical.first(kChunkPayloadBytes),
            physical.subspan(kChunkPayloadBytes, crypto::kTagSizeBytes), plaintext)) {
      return {};
    }
    return fail(Code::integrity,
                path_ + ": chunk " + std::to_string(chunk) + " is not what was written there");
  }
  const ByteView record = physical.first(geometry_.final_size_bytes());
  KEYHOLD_TRY_ASSIGN(const crypto::AeadKey key,
                     keys_.final_key(record.first(format::kSaltSizeBytes)));
  std::array<std::uint8_t, 8> chunk_count{};
  store_le<std::uint64_t>(chunk_count, geometry_.full_chunks);
  if (key.open(format::counter_nonce(0), chunk_count,
               record.subspan(format::kSaltSizeBytes, geometry_.final_payload_bytes),
               record.last(crypto::kTagSizeBytes), plaintext)) {
    return {};
  }
  return fail(
      Code::integrity,
      path_ +
          ": the final chunk is not what was written there: damaged, truncated or never closed");
}

void TableReader::advise_random(bool random) {
  file_->advise(random ? io::Advice::random : io::Advice::normal, 0, 0);
}

}  // namespace keyhold::store
