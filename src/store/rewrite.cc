#include "store/rewrite.h"

#include <algorithm>
#include <utility>

#include "store/log_reader.h"
#include "store/log_writer.h"
#include "store/table_reader.h"
#include "store/table_sequential.h"
#include "store/table_writer.h"

namespace keyhold::store {
namespace {

constexpr std::size_t kPieceSizeBytes = std::size_t{256} << 10;

// Holds plaintext while it is copied.
class Piece {
 public:
  ~Piece() { crypto::wipe(bytes_); }
  [[nodiscard]] MutableByteView bytes() { return bytes_; }

 private:
  ByteVector bytes_ = ByteVector(kPieceSizeBytes);
};

Result<std::unique_ptr<SequentialFile>> read_from_start(io::FileSystem& files, KeySource& keys,
                                                        const std::string& path,
                                                        const HeaderBlock& header) {
  KEYHOLD_TRY_ASSIGN(auto file, files.open(path, {}));
  file->advise(io::Advice::sequential, 0, 0);
  if (header.slot().mode == format::Mode::log) {
    return std::make_unique<LogSequentialReader>(path, std::move(file), header, keys);
  }
  KEYHOLD_TRY_ASSIGN(auto table, TableReader::open(path, std::move(file), header, keys, false));
  return std::make_unique<TableSequentialReader>(std::move(table));
}

// As much as there is.
Result<std::size_t> fill(SequentialFile& file, MutableByteView out) {
  std::size_t done = 0;
  while (done < out.size()) {
    KEYHOLD_TRY_ASSIGN(const std::size_t count, file.read(out.subspan(done)));
    if (count == 0) break;
    done += count;
  }
  return done;
}

class Rewriter {
 public:
  Rewriter(io::FileSystem& files, KeySource& keys, crypto::Random& random, std::string path,
           const Pace& pace)
      : files_(files), keys_(keys), random_(random), path_(std::move(path)), pace_(pace) {}

  Result<Rewritten> run() {
    KEYHOLD_TRY_ASSIGN(const auto file, files_.open(path_, {}));
    KEYHOLD_TRY_ASSIGN(const io::FileInfo source, file->info());
    KEYHOLD_TRY_ASSIGN(const HeaderBlock old, HeaderBlock::load(*file, keys_, path_));
    if (old.slot().mode == format::Mode::page) {
      return fail(Code::unsupported, path_ + ": a page-mode file; the mount re-encrypts it");
    }
    KEYHOLD_TRY_ASSIGN(HeaderBlock header,
                       HeaderBlock::make(keys_, random_, old.slot().mode, old.slot().file_id));
    const Generation generation = header.oldest_generation();
    KEYHOLD_TRY_ASSIGN(Construction made,
                       Construction::begin(files_, random_, path_, header, false));
    KEYHOLD_TRY(copy(old, *writer_of(made, std::move(header))));
    KEYHOLD_TRY(compare(old, made.path()));
    KEYHOLD_TRY(files_.copy_attributes(path_, made.path()));
    KEYHOLD_TRY_ASSIGN(const io::FileInfo info, sync(made.path()));
    return Rewritten{std::move(made), info, generation, source, old.slot()};
  }

 private:
  std::unique_ptr<AppendFile> writer_of(Construction& made, HeaderBlock header) {
    if (header.slot().mode == format::Mode::table) {
      return std::make_unique<TableWriter>(path_, made.take_file(), std::move(header), keys_,
                                           random_, false, nullptr);
    }
    return std::make_unique<LogWriter>(path_, made.take_file(), std::move(header), keys_, random_,
                                       LogEnd{}, std::make_shared<LiveFile>(), false);
  }

  Status copy(const HeaderBlock& old, AppendFile& writer) {
    KEYHOLD_TRY_ASSIGN(const auto reader, read_from_start(files_, keys_, path_, old));
    Piece piece;
    std::size_t count = 0;
    do {
      KEYHOLD_TRY_ASSIGN(count, fill(*reader, piece.bytes()));
      KEYHOLD_TRY(pace_(count));
      KEYHOLD_TRY(writer.append(piece.bytes().first(count)));
    } while (count == kPieceSizeBytes);
    const format::HeaderSlot& slot = old.slot();
    if (slot.closed && writer.size() != slot.closing.logical_bytes) {
      return fail(Code::integrity, path_ + ": the log is shorter than when it was closed");
    }
    KEYHOLD_TRY(writer.sync(true));
    return writer.close();
  }

  // From the disk, where the kernel lets its copy go.
  Status compare(const HeaderBlock& old, const std::string& made_path) {
    KEYHOLD_TRY_ASSIGN(const auto file, files_.open(made_path, {}));
    file->advise(io::Advice::dont_need, 0, 0);
    KEYHOLD_TRY_ASSIGN(const HeaderBlock header, HeaderBlock::load(*file, keys_, made_path));
    KEYHOLD_TRY_ASSIGN(const auto before, read_from_start(files_, keys_, path_, old));
    KEYHOLD_TRY_ASSIGN(const auto after, read_from_start(files_, keys_, made_path, header));
    Piece first;
    Piece second;
    std::size_t count = 0;
    do {
      KEYHOLD_TRY(pace_(0));
      KEYHOLD_TRY_ASSIGN(count, fill(*before, first.bytes()));
      KEYHOLD_TRY_ASSIGN(const std::size_t same, fill(*after, second.bytes()));
      if (same != count ||
          !std::ranges::equal(first.bytes().first(count), second.bytes().first(count))) {
        return fail(Code::io, path_ +
                                  ": what was written again does not read back the same: the "
                                  "disk or the memory of this machine is failing");
      }
    } while (count == kPieceSizeBytes);
    return {};
  }

  // Once more: the closing record of a log and the attributes came last.
  Result<io::FileInfo> sync(const std::string& made_path) {
    KEYHOLD_TRY_ASSIGN(const auto file, files_.open(made_path, {}));
    KEYHOLD_TRY(file->sync_all());
    return file->info();
  }

  io::FileSystem& files_;
  KeySource& keys_;
  crypto::Random& random_;
  const std::string path_;
  const Pace& pace_;
};

}  // namespace

Result<Rewritten> rewrite(io::FileSystem& files, KeySource& keys, crypto::Random& random,
                          const std::string& path, const Pace& pace) {
  return Rewriter(files, keys, random, path, pace).run();
}

}  // namespace keyhold::store
