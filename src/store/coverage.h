// What stands under which DEK generation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/store.h"

namespace keyhold::store {

struct FileCount {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // on disk

  void add(std::uint64_t size_bytes) {
    ++files;
    bytes += size_bytes;
  }
};

// A file counts once however many names it has, under the older of its header's two generations:
// whoever reads it needs both.
struct GenerationCoverage {
  FileCount named;
  FileCount unnamed;  // deleted, but open in a process that was asked
};

// What keeps an older generation from being shredded.
struct PendingFile {
  enum class Why : std::uint8_t {
    not_yet,     // re-encryption comes to it
    written,     // an open writer: the engine must roll or close it
    deleted,     // a handle is open on it
    unreadable,  // its header cannot be checked; `problem` says why
  };
  std::string path;  // empty for a deleted one
  Generation generation{};
  std::uint64_t bytes = 0;
  Why why = Why::not_yet;
  std::string problem;
};
std::string_view pending_name(PendingFile::Why why);  // not-yet, being-written …

// An open file of a process that holds keys.
struct OpenFileNote {
  FileKey file;
  Generation oldest{};
  std::uint64_t bytes = 0;
  bool written = false;  // by an open writer; its generation is what the walk finds
};

struct Coverage {
  std::map<Generation, GenerationCoverage> generations;
  FileCount plaintext;   // files that bear no mark of Keyhold: nobody needs a key for them
  FileCount unreadable;  // that bear it, but cannot be checked
  std::vector<std::string> plaintext_paths;
  std::vector<PendingFile> pending;  // in the order of paths

  // Under generations before `oldest_kept`, and what cannot be checked.
  [[nodiscard]] FileCount older_than(Generation oldest_kept) const;
};

// Reads every header below the store's root, MACs included. `open` says what processes have open;
// `target` is the generation before which files are pending. Waits until files that are being made
// have their names. Errors of the operating system and a seal end it.
Result<Coverage> cover(Store& store, Generation target, const std::vector<OpenFileNote>& open);

// What this process has open, as `cover` takes it. Writers are those of the files in `names`.
std::vector<OpenFileNote> open_files(Store& store);

// The names of the store, those of one file together, in the order of paths.
struct NamedFile {
  std::vector<std::string> names;
  io::FileInfo info;
};
Result<std::vector<NamedFile>> files_by_inode(Store& store);

}  // namespace keyhold::store
