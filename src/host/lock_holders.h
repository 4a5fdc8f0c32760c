// Who holds a flock, as the kernel says in /proc/locks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "io/file_system.h"

namespace keyhold::host {

// The processes that took a flock of the file at `path` and hold it, those that stand still too,
// and how often each did. Not to be relied on for who does not: a kernel may hide processes of
// other containers, or number the file's device otherwise.
std::map<std::int64_t, std::size_t> lock_holders(io::FileSystem& files, const std::string& path);

// Of the text of /proc/locks (proc_locks(5)).
std::map<std::int64_t, std::size_t> parse_lock_holders(std::string_view text, std::uint64_t device,
                                                       std::uint64_t inode);

}  // namespace keyhold::host
