// Looks at this process's memory from outside, as a thief of a core file would.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.h"

namespace keyhold::crypto {

// How often the bytes whose complement is `inverted` stand in the writable memory of this process.
// Inverted, so that the question is no answer. Not under AddressSanitizer, whose shadow is endless.
std::size_t occurrences_in_memory(ByteView inverted);
ByteVector inverted(ByteView bytes);

// The bytes at an address, without touching them (poisoned and freed memory included).
ByteVector peek(const std::uint8_t* address, std::size_t size_bytes);

// The flags that the kernel shows for the mapping of an address ("lo" locked, "dd" not dumped), and
// its permissions ("rw-p").
struct MappingInfo {
  std::string permissions;
  std::string flags;
};
MappingInfo mapping_of(const std::uint8_t* address);

// Runs `body` in a child of fork(2); what it returns comes back. Fails the running test where the
// child died.
std::string in_child(const std::function<std::string()>& body);

}  // namespace keyhold::crypto
