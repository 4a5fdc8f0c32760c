// The two copies of a key ring on disk: which of them are whole, which one counts, and how both are
// written. Knows no key.
#pragma once

#include <array>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "format/keyring.h"
#include "io/file_system.h"
#include "keyring/contents.h"

namespace keyhold::keyring {

struct FoundCopies {
  std::array<CopyReport, 2> reports;
  format::ParsedKeyring best;  // the whole one with the higher sequence
  ByteVector best_file;        // its bytes
};

class Copies {
 public:
  Copies(io::FileSystem& files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}

  // Code::not_found where neither is there; integrity where none is whole, or the two have one
  // sequence and different content; unsupported where a newer Keyhold wrote either.
  [[nodiscard]] Result<FoundCopies> load() const;
  // Whether there is anything of a key ring, whole or not.
  [[nodiscard]] Result<bool> any() const;

  // Both, one after the other, each durable before the next is touched.
  [[nodiscard]] Status write(ByteView file) const;
  // Those that are not good, with the bytes of the best.
  [[nodiscard]] Status repair(const FoundCopies& found) const;
  // The same, but the files that it replaces are kept under names of their own until
  // remove_leftovers() overwrites them. Needs a file system with hard links.
  [[nodiscard]] Status write_keeping_old(ByteView file) const;
  // Overwrites and deletes what a crash in mid-write left beside them, and what write_keeping_old()
  // kept.
  [[nodiscard]] Status remove_leftovers() const;

 private:
  io::FileSystem& files_;
  std::string directory_;
};

}  // namespace keyhold::keyring
