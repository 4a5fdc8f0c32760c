// Files of a store as a user names them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace keyhold::cli {

// Each of `given`, absolute: one that is relative is taken from the store's root.
// Code::invalid_argument for one outside the store.
Result<std::vector<std::string>> inside_store(const std::string& root,
                                              const std::vector<std::string>& given);

// "db/000012.sst" of "/srv/store/db/000012.sst".
std::string relative_to(const std::string& root, const std::string& path);

}  // namespace keyhold::cli
