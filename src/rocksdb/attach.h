// From a store's root to its volume.
#pragma once

#include <memory>
#include <string>

#include "rocksdb/volume.h"

namespace keyhold::rocks {

// The volume of the store at `root`, shared by everybody in this process who asks for the same
// root. The first one makes this process the store's host, or a client of the running one; that
// ends when the last reference goes. Waits for a KMS that does not answer (KEYHOLD_KMS_WAIT;
// for ever by default). Errors as host::attach. Thread-safe.
Result<std::shared_ptr<Volume>> attach_volume(const std::string& root);

// Keeps the volume attached, as attach_volume() does, until unpin_volume(): a program whose seal
// handler closes its last file must still hear of the unseal. Thread-safe.
Status pin_volume(const std::string& root);
void unpin_volume(const std::string& root);

}  // namespace keyhold::rocks
