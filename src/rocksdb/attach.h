// From a URI to a volume.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "rocksdb/volume.h"

namespace keyhold::rocks {

inline constexpr std::string_view kScheme = "keyhold";

// The store's root in "keyhold:///abs/path/of/store". Code::invalid_argument for anything else,
// settings behind a "?" included: there are none.
Result<std::string> root_of_uri(std::string_view uri);

// The volume of the store at `root`, shared by everybody in this process who asks for the same
// root. The first one makes this process the store's host, or a client of the running one; that
// ends when the last reference goes. Waits for a KMS that does not answer (KEYHOLD_KMS_WAIT;
// for ever by default). Errors as host::attach. Thread-safe.
Result<std::shared_ptr<Volume>> attach_volume(const std::string& root);

}  // namespace keyhold::rocks
