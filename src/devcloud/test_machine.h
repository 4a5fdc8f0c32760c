// A machine in memory with a devcloud's folder on it, for the tests of this folder.
#pragma once

#include <memory>

#include "base/clock.h"
#include "crypto/random.h"
#include "devcloud/folder.h"
#include "io/fault_file_system.h"
#include "io/memory_file_system.h"

namespace keyhold::devcloud {

class TestMachine {
 public:
  TestMachine() : memory_(clock_), files_(memory_) {}

  [[nodiscard]] Machine get() { return {files_, clock_, crypto::system_random()}; }
  [[nodiscard]] Folder open() { return Folder::open(get(), "/cloud").value(); }

  ManualClock clock_;
  io::MemoryFileSystem memory_;
  io::FaultFileSystem files_;  // on memory_
};

}  // namespace keyhold::devcloud
