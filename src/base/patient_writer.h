// Lines for people, to a descriptor whose reader may hold them up: a pager, a stopped terminal, a
// full pipe. Whoever writes is not to wait for them; a lease's thread, say, that is about to seal.
#pragma once

#include <cstdint>
#include <string_view>

namespace keyhold {

// Not thread-safe.
class PatientWriter {
 public:
  // The descriptor stays the caller's.
  explicit PatientWriter(int descriptor) : descriptor_(descriptor) {}

  // The line ends with a line feed. Waits for room 50 ms at most, not at all after a line that
  // found none, then drops the line. The next one that finds room says how many were dropped. A
  // descriptor that takes nothing for another reason (closed, a full disk) drops in silence.
  void write(std::string_view line);

 private:
  bool put(std::string_view text) const;

  const int descriptor_;
  std::uint64_t dropped_ = 0;
};

}  // namespace keyhold
