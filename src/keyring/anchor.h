// The anchor: a memory outside the store's disk of how far its key ring had come, so that an older
// key ring put back in its place is noticed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "io/file_system.h"

namespace keyhold::keyring {

// A place for one small statement (format/keyring_anchor.h: authenticated by the key ring itself,
// so the place needs no key). What it forgets or is made to forget, it does not protect: it must
// not lie on the disk of the store. Thread-safe.
class Anchor {
 public:
  virtual ~Anchor() = default;

  // Nothing where none was ever stored.
  virtual Result<std::optional<ByteVector>> load() = 0;
  // Durable and atomic.
  virtual Status store(ByteView statement) = 0;
  // For messages: where it is.
  [[nodiscard]] virtual std::string name() const = 0;
};

// A named file of the operator's choice.
class FileAnchor final : public Anchor {
 public:
  FileAnchor(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  Result<std::optional<ByteVector>> load() override;
  Status store(ByteView statement) override;
  [[nodiscard]] std::string name() const override { return path_; }

 private:
  io::FileSystem& files_;
  std::string path_;
};

}  // namespace keyhold::keyring
