// RocksDB around a seal: it answers from its block cache and memtables while all of its I/O fails,
// so a program either closes its databases when it is told, or ends.
#pragma once

#include <functional>
#include <string>

#include "host/engine.h"

namespace keyhold::rocks {

// What a program registered (keyhold/rocksdb.h); both empty where it registered nothing.
struct SealHandler {
  std::function<void(const std::string& reason)> on_seal;
  std::function<void()> on_unseal;
};

// For the store's keys: calls the handler of the store at `root`, on a thread of the store's own;
// where there is none, or it has not returned in time, the process ends by SIGKILL, after the keys
// are wiped.
host::Engine make_engine(const std::string& root);

// Replaces the store's handler; an empty one takes it back. Waits for a call under way, so it is
// not to be called by a handler. Thread-safe.
void set_handler(const std::string& root, SealHandler handler);

}  // namespace keyhold::rocks
