// Whether somebody is writing a file just now.
#pragma once

#include <string>

namespace keyhold::cli {

// True where a process of this machine has the file open for writing. Asked of the kernel by a read
// lease (fcntl(2), F_SETLEASE), given back at once; false where it cannot tell (another user's
// file, a network file system).
bool open_for_writing(const std::string& path);

}  // namespace keyhold::cli
