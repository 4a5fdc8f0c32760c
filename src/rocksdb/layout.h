// Which layout a file of RocksDB's gets: by its name alone, because that is all that a FileSystem
// is told.
#pragma once

#include <string_view>

#include "store/files.h"

namespace keyhold::rocks {

// table: what RocksDB writes once from end to end, syncs and only then reads (.sst, .ldb, .blob;
// also while it is copied, .tmp, or waits for deletion, .trash). log: everything else, unknown
// names included. The layout stands in the file's header: a file that was renamed stays readable
// whatever its new name says.
store::Layout layout_of(std::string_view path);

}  // namespace keyhold::rocks
