// The key tree of a store as a picture of text: CMEK, KEK, DEK generations.
#pragma once

#include <string>

#include "base/clock.h"
#include "host/store_status.h"

namespace keyhold::cli {

// With box characters where `utf8`, else in ASCII. What the KMS answered stands beside each CMEK
// where it was asked.
std::string key_tree(const host::StoreStatus& status, WallTime now, bool utf8);

}  // namespace keyhold::cli
