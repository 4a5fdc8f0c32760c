// Readers and a writer at work on the index, until a signal ends them.
#pragma once

#include <string>

namespace apt_index {

struct ServeOptions {
  std::string db;
  std::string store;
  // Rewritten in place after every read and write, so that it tells the last one even after
  // SIGKILL. Lines of kLineSize bytes, "name unix-milliseconds number":
  //   0      opened    when, and the last numbered record that was found then
  //   1      first     first read after that
  //   2      write     last write that was synced, and its number
  //   3 ...  read      last read of each reader, and how many of them the block cache answered
  std::string progress;
  // Closes the database at a seal and opens it after; without, a seal kills the process.
  bool seal_handler = false;
};

// SIGHUP closes the database and opens it again; SIGTERM and SIGINT end. Returns an exit status.
int serve(const ServeOptions& options);

}  // namespace apt_index
