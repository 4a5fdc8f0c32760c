#include "host/lock_holders.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/sysmacros.h>

namespace keyhold::host {
namespace {

// "fe:00:9981887"
std::string id_of(std::uint64_t device, std::uint64_t inode) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%02x:%02x:%llu", ::major(device), ::minor(device),
                      static_cast<unsigned long long>(inode));
  return text.data();
}

}  // namespace

std::map<std::int64_t, std::size_t> parse_lock_holders(std::string_view text, std::uint64_t device,
                                                       std::uint64_t inode) {
  const std::string wanted = id_of(device, inode);
  std::map<std::int64_t, std::size_t> holders;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, kind, mode, access, file;
    std::int64_t pid = 0;
    // Who waits for a lock has "->" before its kind.
    if (words >> number >> kind >> mode >> access >> pid >> file && kind == "FLOCK" &&
        file == wanted && pid > 0) {
      ++holders[pid];
    }
  }
  return holders;
}

// Not by way of `files`: it is the kernel's word about this machine.
std::map<std::int64_t, std::size_t> lock_holders(io::FileSystem& files, const std::string& path) {
  const auto info = files.info(path);
  if (!info) return {};
  std::ifstream locks("/proc/locks");
  const std::string text(std::istreambuf_iterator<char>(locks), {});
  return parse_lock_holders(text, info->device, info->inode);
}

}  // namespace keyhold::host
