// The header block of an open file: made, read and checked, changed.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "crypto/random.h"
#include "format/header.h"
#include "io/file_system.h"
#include "store/key_source.h"

namespace keyhold::store {

// The secret of one header slot, from which all its keys come: HKDF(DEK, salt, label and
// file_secret_context). In a use of the guard.
Result<crypto::Key256> file_secret(KeySource& source, const format::HeaderSlot& slot);

// One thread at a time.
class HeaderBlock {
 public:
  // Of a new file, or a new incarnation of the file `id`, under the current generation. Nothing is
  // written yet.
  static Result<HeaderBlock> make(KeySource& source, crypto::Random& random, format::Mode mode,
                                  const std::optional<FileId>& id = std::nullopt);
  // Read and checked: form, store, MACs. Code::integrity, unsupported, not_found (generation) with
  // the path in front.
  static Result<HeaderBlock> load(io::File& file, KeySource& source, const std::string& path);

  [[nodiscard]] const format::HeaderSlot& slot() const { return header_.current(); }
  [[nodiscard]] const format::HeaderSlot& other_slot() const {
    return header_.slots[1 - header_.current_index()];
  }

  // A reader checks both slots, so it needs this generation's DEK too.
  [[nodiscard]] Generation oldest_generation() const {
    return std::min(header_.slots[0].generation, header_.slots[1].generation);
  }

  // The whole block, for a new file.
  [[nodiscard]] ByteVector bytes() const;
  // Writes `next` (sequence and MAC are filled in) to the slot that is not in force; from then on
  // it is. Not synced.
  Status replace(io::File& file, KeySource& source, format::HeaderSlot next);

 private:
  format::Header header_;
};

// A fresh salt.
format::Salt new_salt(crypto::Random& random);

}  // namespace keyhold::store
