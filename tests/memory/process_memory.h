// The memory of another process, through /proc: needs CAP_SYS_PTRACE where that is not one's own
// and dumpable.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace keyhold::memory {

struct Mapping {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::string permissions;
  std::string name;  // path, [heap] …; empty for anonymous memory
};

// Throws std::runtime_error where the process is gone or its memory is not ours to read.
std::vector<Mapping> mappings_of(int pid);

// Calls `use` with all pages of `mapping` that are in memory or in swap, in pieces that overlap by
// `overlap` bytes where pages adjoin; the address is that of the piece's first byte. What cannot be
// read (a device, a page that went away) is left out. Returns the bytes read.
std::uint64_t read_mapping(
    int pid, const Mapping& mapping, std::size_t overlap,
    const std::function<void(std::uint64_t address, std::span<const std::uint8_t>)>& use);

}  // namespace keyhold::memory
