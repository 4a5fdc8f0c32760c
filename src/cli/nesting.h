// Where stores, their anchors and software KMSs must not lie: inside one another. By the paths as
// the disk has them, symbolic links resolved.
#pragma once

#include <string>

#include "base/error.h"

namespace keyhold::cli {

// Code::invalid_argument where a folder above `path` is a store or a LOCAL KMS.
Status refuse_inside_store_or_kms(const std::string& path);

// Code::invalid_argument where `anchor` lies in `store`, which may be still to come, or in any
// other store. An empty one is fine.
Status refuse_anchor_in_store(const std::string& anchor, const std::string& store);

}  // namespace keyhold::cli
