#include "store/coverage.h"

#include <algorithm>
#include <array>
#include <set>

#include "format/header.h"
#include "store/header_block.h"

namespace keyhold::store {
namespace {

constexpr int kMaxWalks = 6;

// What the header of one file says.
struct Found {
  enum class Kind : std::uint8_t { encrypted, plaintext, unreadable, gone };
  Kind kind = Kind::gone;
  Generation oldest{};
  std::string problem;
};

Result<bool> is_marked(io::File& file) {
  std::array<std::uint8_t, format::kSlotCount * format::kSlotSizeBytes> start{};
  KEYHOLD_TRY_ASSIGN(const std::size_t count, file.read_at(0, start));
  return format::bears_mark(ByteView(start).first(count));
}

Result<Found> look_at(Store& store, const NamedFile& named) {
  using Kind = Found::Kind;
  const std::string& path = named.names.front();
  if (named.info.type != io::FileInfo::Type::file) return Found{Kind::plaintext, {}, {}};
  const auto file = store.files().open(path, {});
  if (!file && file.error().code() == Code::not_found) return Found{};
  if (!file) return fail(file.error());
  const auto header = HeaderBlock::load(**file, store.keys(), path);
  if (header) return Found{Kind::encrypted, header->oldest_generation(), {}};
  const Code code = header.error().code();
  if (code != Code::integrity && code != Code::wrong_key && code != Code::unsupported) {
    return fail(header.error());
  }
  KEYHOLD_TRY_ASSIGN(const bool marked, is_marked(**file));
  if (!marked) return Found{Kind::plaintext, {}, {}};
  return Found{Kind::unreadable, {}, header.error().message()};
}

class Walk {
 public:
  Walk(Store& store, Generation target, const std::vector<OpenFileNote>& open)
      : store_(store), target_(target) {
    for (const OpenFileNote& note : open) {
      OpenFileNote& known = open_.try_emplace(note.file, note).first->second;
      known.written = known.written || note.written;
      known.oldest = std::min(known.oldest, note.oldest);
    }
  }

  // A file that went while it was looked at may have another name now: whatever was not met yet is
  // looked at in the next listing. Some files always come and go under a busy engine.
  Result<Coverage> run() {
    store_.settle_names();
    bool gone = true;
    for (int walks = 0; gone && walks < kMaxWalks; ++walks) {
      KEYHOLD_TRY_ASSIGN(gone, look_at_new_ones());
    }
    count_unnamed();
    return std::move(coverage_);
  }

 private:
  // True where one of them went.
  Result<bool> look_at_new_ones() {
    KEYHOLD_TRY_ASSIGN(const auto files, files_by_inode(store_));
    bool gone = false;
    for (const NamedFile& file : files) {
      if (met_.contains(key_of(file.info))) continue;
      KEYHOLD_TRY_ASSIGN(const Found found, look_at(store_, file));
      if (found.kind == Found::Kind::gone) {
        gone = true;
        continue;
      }
      met_.insert(key_of(file.info));
      count(file, found);
    }
    return gone;
  }

  void count(const NamedFile& file, const Found& found) {
    const std::uint64_t bytes = file.info.size_bytes;
    const auto note = open_.find(key_of(file.info));
    const bool written = note != open_.end() && note->second.written;
    if (note != open_.end()) open_.erase(note);
    switch (found.kind) {
      case Found::Kind::gone:
        return;
      case Found::Kind::plaintext:
        coverage_.plaintext.add(bytes);
        coverage_.plaintext_paths.push_back(file.names.front());
        return;
      case Found::Kind::unreadable:
        coverage_.unreadable.add(bytes);
        pend(file, found, PendingFile::Why::unreadable);
        return;
      case Found::Kind::encrypted:
        coverage_.generations[found.oldest].named.add(bytes);
        if (found.oldest >= target_) return;
        pend(file, found, written ? PendingFile::Why::written : PendingFile::Why::not_yet);
    }
  }

  void pend(const NamedFile& file, const Found& found, PendingFile::Why why) {
    coverage_.pending.push_back({.path = file.names.front(),
                                 .generation = found.oldest,
                                 .bytes = file.info.size_bytes,
                                 .why = why,
                                 .problem = found.problem});
  }

  // What is open and was met under no name.
  void count_unnamed() {
    for (const auto& [file, note] : open_) {
      coverage_.generations[note.oldest].unnamed.add(note.bytes);
      if (note.oldest >= target_) continue;
      coverage_.pending.push_back({.path = {},
                                   .generation = note.oldest,
                                   .bytes = note.bytes,
                                   .why = PendingFile::Why::deleted,
                                   .problem = {}});
    }
  }

  Store& store_;
  const Generation target_;
  std::map<FileKey, OpenFileNote> open_;
  std::set<FileKey> met_;
  Coverage coverage_;
};

}  // namespace

std::string_view pending_name(PendingFile::Why why) {
  switch (why) {
    case PendingFile::Why::not_yet:
      return "not-yet";
    case PendingFile::Why::written:
      return "being-written";
    case PendingFile::Why::deleted:
      return "deleted-but-open";
    case PendingFile::Why::unreadable:
      return "unreadable";
  }
  return "unknown";
}

FileCount Coverage::older_than(Generation oldest_kept) const {
  FileCount sum = unreadable;
  for (const auto& [generation, count] : generations) {
    if (generation >= oldest_kept) break;
    sum.files += count.named.files + count.unnamed.files;
    sum.bytes += count.named.bytes + count.unnamed.bytes;
  }
  return sum;
}

Result<Coverage> cover(Store& store, Generation target, const std::vector<OpenFileNote>& open) {
  return Walk(store, target, open).run();
}

std::vector<OpenFileNote> open_files(Store& store) {
  std::vector<OpenFileNote> notes;
  for (const ReaderPlace& place : store.open_readers()) {
    notes.push_back({.file = place.file,
                     .oldest = place.oldest,
                     .bytes = place.physical_bytes,
                     .written = false});
  }
  for (const LiveFiles::Written& live : store.open_writers()) {
    notes.push_back({.file = live.file, .oldest = live.oldest, .bytes = 0, .written = true});
  }
  return notes;
}

Result<std::vector<NamedFile>> files_by_inode(Store& store) {
  KEYHOLD_TRY_ASSIGN(auto names, store.list_names());
  std::vector<NamedFile> files;
  std::map<FileKey, std::size_t> known;
  for (StoreName& name : names) {
    const auto [place, is_new] = known.try_emplace(key_of(name.info), files.size());
    if (is_new) files.push_back({.names = {}, .info = name.info});
    files[place->second].names.push_back(std::move(name.path));
  }
  return files;
}

}  // namespace keyhold::store
