// The files of a LOCAL KMS: marker, locks, key files.
//
//   DIR/keyhold-kms   the marker
//   DIR/keys/NAME     one file a key, replaced as a whole
//   DIR/lock          flock: shared while a key is read and used, exclusive while one is changed
//   DIR/gate          flock: whoever waits for `lock` to change something holds it, so that a
//                     stream of users cannot keep a change waiting for ever
//   DIR/access.log    (access_log.h)
//
// Errors: Code::not_found only where a healthy KMS has no such key; Code::denied where the
// operating system refuses to open marker or key file (its permissions are this KMS's access
// policy); Code::unavailable where there is no KMS at DIR, or no DIR/keys (an unmounted file system
// looks like that); Code::integrity for a damaged marker or key file; Code::unsupported for a newer
// format; Code::busy at the deadline of a lock. Thread-safe.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "io/file_system.h"
#include "kms/local/messages/format.h"

namespace keyhold::kms::local {

// Tries again every millisecond until the deadline: Code::busy. An expired deadline still gets one
// try.
keyhold::Result<std::unique_ptr<io::FileLock>> wait_for_lock(io::FileSystem& files,
                                                             const Clock& clock,
                                                             const std::string& path, bool shared,
                                                             Deadline deadline);

class Directory {
 public:
  // REQUIRES: check_directory(path).
  Directory(std::string path, io::FileSystem& files, const Clock& clock)
      : path_(std::move(path)), files_(&files), clock_(&clock) {}

  // Makes the KMS in a new or empty directory; completes what an interrupted call began.
  // Code::already_exists where a KMS is there, or files that are not of one.
  Status make();
  // There is a KMS of a format that this build knows.
  Status check() const;

  // The right to read and use keys, or to change them. check() included.
  keyhold::Result<std::unique_ptr<io::FileLock>> share(Deadline deadline) const;
  keyhold::Result<std::unique_ptr<io::FileLock>> hold(Deadline deadline) const;

  // REQUIRES of the rest: share() for reading, hold() for writing.
  keyhold::Result<std::vector<std::string>> key_names() const;
  keyhold::Result<KeyFile> load(const std::string& name) const;
  // What load() gives will be there after a power loss too, even where the save() that wrote it was
  // killed before its end.
  [[nodiscard]] Status make_durable() const;
  // Durable and atomic. What stood there before is overwritten with zeros afterwards, as far as the
  // disk does that, unless another name (a backup by hard links) leads to it.
  Status save(const std::string& name, const KeyFile& key);
  // Wipes and removes what an interrupted save left behind.
  Status sweep();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] std::string inside(std::string_view name) const;
  [[nodiscard]] std::string key_path(std::string_view name) const;
  keyhold::Result<std::unique_ptr<io::FileLock>> take_lock(bool shared, Deadline deadline) const;
  keyhold::Result<std::unique_ptr<io::File>> open_key(const std::string& name) const;

  std::string path_;
  io::FileSystem* files_;
  const Clock* clock_;
};

}  // namespace keyhold::kms::local
