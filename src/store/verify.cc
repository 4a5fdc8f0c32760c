#include "store/verify.h"

#include <algorithm>
#include <array>

#include "format/table.h"
#include "store/header_block.h"
#include "store/log_cursor.h"
#include "store/store.h"
#include "store/table_keys.h"
#include "store/table_reader.h"

namespace keyhold::store {
namespace {

// Damage is a finding; anything else ends the work.
bool is_damage(const Error& error) {
  return error.code() == Code::integrity || error.code() == Code::unsupported ||
         error.code() == Code::wrong_key;
}

// What the store never makes; nothing for what it may.
std::string_view why_foreign(io::FileInfo::Type type) {
  switch (type) {
    case io::FileInfo::Type::symbolic_link:
      return "a symbolic link, which the store never makes: what it leads to is not verified, and "
             "an engine would follow it";
    case io::FileInfo::Type::other:
      return "neither a file nor a folder (a FIFO, a socket or a device): the store never makes "
             "one";
    default:
      return {};
  }
}

class FileVerifier {
 public:
  FileVerifier(std::string path, VerifyReport& report,
               const std::function<void(std::uint64_t)>& progress)
      : path_(std::move(path)), report_(report), progress_(progress) {}

  Status run(io::FileSystem& files, KeySource& keys) {
    KEYHOLD_TRY_ASSIGN(const io::FileInfo entry, files.entry(path_));
    if (const auto foreign = why_foreign(entry.type); !foreign.empty()) {
      ++report_.files;
      return note("name", Error(Code::integrity, std::string(foreign)));
    }
    KEYHOLD_TRY_ASSIGN(std::unique_ptr<io::File> file, files.open(path_, {}));
    ++report_.files;
    auto header = HeaderBlock::load(*file, keys, path_);
    if (!header) return note("header", header.error());
    KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
    size_bytes_ = info.size_bytes;
    const Status status = header->slot().mode == format::Mode::table
                              ? verify_table(std::move(file), *header, keys)
                              : verify_log(*file, *header, keys);
    advance_to(size_bytes_);
    return status;
  }

 private:
  Status note(std::string where, const Error& error) {
    if (!is_damage(error)) return fail(error);
    std::string_view what = error.message();
    if (what.starts_with(path_ + ": ")) what.remove_prefix(path_.size() + 2);
    const bool newer = error.code() == Code::unsupported;
    report_.findings.push_back({.kind = newer ? Finding::Kind::newer : Finding::Kind::damage,
                                .path = path_,
                                .where = std::move(where),
                                .what = std::string(what)});
    return {};
  }

  Status note_unfinished() {
    report_.findings.push_back({.kind = Finding::Kind::unfinished,
                                .path = path_,
                                .where = "end",
                                .what = "never closed, or cut short: its last chunk is missing"});
    return {};
  }

  void advance_to(std::uint64_t physical) {
    if (progress_ && physical > reported_) progress_(physical - reported_);
    reported_ = std::max(reported_, physical);
  }

  Status verify_table(std::unique_ptr<io::File> file, const HeaderBlock& header, KeySource& keys) {
    KEYHOLD_TRY_ASSIGN(const bool unfinished, looks_unfinished(*file, header, keys));
    if (unfinished) return note_unfinished();
    auto table = TableReader::open(path_, std::move(file), header, keys, false);
    if (!table) return note("end", table.error());
    KEYHOLD_TRY_ASSIGN(const std::uint64_t size, (*table)->size());
    report_.logical_bytes += size;
    ByteVector buffer(format::kChunkPayloadBytes * 16);
    for (std::uint64_t offset = 0; offset < size; offset += buffer.size()) {
      KEYHOLD_TRY(verify_chunks(**table, offset, buffer));
      advance_to(format::kHeaderSizeBytes +
                 (offset + buffer.size()) / format::kChunkPayloadBytes * format::kChunkSizeBytes);
    }
    return {};
  }

  // Whether a whole chunk stands where the final one should: whole chunks are all that a writer has
  // written before it closes the file.
  Result<bool> looks_unfinished(io::File& file, const HeaderBlock& header,
                                KeySource& source) const {
    const std::uint64_t body = size_bytes_ - std::min(size_bytes_, format::kHeaderSizeBytes);
    if (body % format::kChunkSizeBytes != 0) return false;
    if (body == 0) return true;
    const std::uint64_t last = body / format::kChunkSizeBytes - 1;
    std::array<std::uint8_t, format::kChunkSizeBytes> chunk{};
    std::array<std::uint8_t, format::kChunkPayloadBytes> plaintext{};
    KEYHOLD_TRY_ASSIGN(const std::size_t count,
                       file.read_at(format::kHeaderSizeBytes + last * chunk.size(), chunk));
    TableKeys keys(source, header.slot());
    const auto whole = keys.with([&](const SealGuard::Use&) -> Result<bool> {
      const ByteView bytes = chunk;
      return count == chunk.size() &&
             keys.chunk_key(last).open(format::counter_nonce(last), {},
                                       bytes.first(format::kChunkPayloadBytes),
                                       bytes.subspan(format::kChunkPayloadBytes), plaintext);
    });
    crypto::wipe(plaintext);
    return whole;
  }

  // All at once where they are whole, one by one where something is wrong.
  Status verify_chunks(TableReader& table, std::uint64_t offset, MutableByteView buffer) {
    if (table.read(offset, buffer)) return {};
    for (std::size_t skip = 0; skip < buffer.size(); skip += format::kChunkPayloadBytes) {
      const std::uint64_t chunk = (offset + skip) / format::kChunkPayloadBytes;
      auto count = table.read(offset + skip, buffer.first(format::kChunkPayloadBytes));
      if (!count) KEYHOLD_TRY(note("chunk " + std::to_string(chunk), count.error()));
    }
    return {};
  }

  Status verify_log(io::File& file, const HeaderBlock& header, KeySource& keys) {
    LogCursor cursor(path_, file, header, keys);
    const format::HeaderSlot& slot = header.slot();
    KEYHOLD_TRY(walk_frames(cursor, slot.closed));
    if (!slot.closed) report_.open_logs.push_back(path_);
    report_.logical_bytes +=
        slot.closed ? slot.closing.logical_bytes : cursor.position().logical_bytes;
    if (slot.closed && cursor.position().number < slot.closing.frames && !damaged_end_) {
      return note(
          "end",
          Error(Code::integrity,
                "the file has " + std::to_string(cursor.position().number) + " of the " +
                    std::to_string(slot.closing.frames) +
                    " frames that it was closed with: truncated, damaged, or lost with the power"));
    }
    return {};
  }

  Status walk_frames(LogCursor& cursor, bool closed) {
    for (;;) {
      auto payload = cursor.next();
      advance_to(cursor.position().physical_offset);
      if (payload && payload->has_value()) continue;
      if (payload && cursor.at_closed_end()) return {};
      const LogPosition bad = cursor.position();
      if (!payload) {
        KEYHOLD_TRY(note(frame_name(bad), payload.error()));
      }
      KEYHOLD_TRY_ASSIGN(const bool more, cursor.skip_damage());
      if (!more) {
        damaged_end_ = !payload;
        return {};
      }
      // Nothing says that this frame was synced. In a log that nobody closed, a crash may have torn
      // it.
      if (payload && closed) {
        KEYHOLD_TRY(note(frame_name(bad),
                         Error(Code::integrity, "damaged, though later frames are whole")));
      }
    }
  }

  static std::string frame_name(const LogPosition& position) {
    return "frame " + std::to_string(position.number) + " at offset " +
           std::to_string(position.physical_offset);
  }

  const std::string path_;
  VerifyReport& report_;
  const std::function<void(std::uint64_t)>& progress_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t reported_ = 0;
  bool damaged_end_ = false;
};

}  // namespace

Status Store::verify(const std::string& path, VerifyReport& report,
                     const std::function<void(std::uint64_t)>& progress) {
  return FileVerifier(path, report, progress).run(files_, keys_);
}

}  // namespace keyhold::store
