#include "process_memory.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace keyhold::memory {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPieceBytes = 1 << 20;

class File {
 public:
  File(int pid, const char* name)
      : path_("/proc/" + std::to_string(pid) + "/" + name),
        fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error(path_ + ": " + std::strerror(errno));
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(fd_); }

  std::size_t read(std::uint64_t offset, void* into, std::size_t size) const {
    const ssize_t n = ::pread64(fd_, into, size, static_cast<off64_t>(offset));
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }

 private:
  std::string path_;
  int fd_;
};

// proc(5), pagemap: bit 63 in memory, bit 62 in swap.
std::vector<bool> pages_there(const File& pagemap, const Mapping& mapping) {
  std::vector<std::uint64_t> entries((mapping.to - mapping.from) / kPage);
  const std::size_t got = pagemap.read(mapping.from / kPage * sizeof(std::uint64_t), entries.data(),
                                       entries.size() * sizeof(std::uint64_t));
  std::vector<bool> there(entries.size());
  for (std::size_t i = 0; i < got / sizeof(std::uint64_t); ++i) there[i] = (entries[i] >> 62) != 0;
  return there;
}

std::uint64_t hexadecimal(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

}  // namespace

std::vector<Mapping> mappings_of(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/maps";
  std::ifstream file(path);
  std::vector<Mapping> out;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    Mapping mapping;
    std::string range;
    std::string skipped;
    fields >> range >> mapping.permissions >> skipped >> skipped >> skipped;
    std::getline(fields >> std::ws, mapping.name);
    const auto dash = range.find('-');
    mapping.from = hexadecimal(range.substr(0, dash));
    mapping.to = hexadecimal(range.substr(dash + 1));
    out.push_back(std::move(mapping));
  }
  if (out.empty()) throw std::runtime_error(path + ": no mapping can be seen");
  return out;
}

std::uint64_t read_mapping(
    int pid, const Mapping& mapping, std::size_t overlap,
    const std::function<void(std::uint64_t address, std::span<const std::uint8_t>)>& use) {
  if (mapping.name == "[vsyscall]" || mapping.name.starts_with("[vvar")) return 0;
  const File memory(pid, "mem");
  const std::vector<bool> there = pages_there(File(pid, "pagemap"), mapping);
  std::vector<std::uint8_t> piece(kPieceBytes + overlap);
  std::uint64_t total = 0;
  std::size_t kept = 0;  // bytes at the piece's beginning that the last one ended with
  for (std::size_t page = 0; page < there.size();) {
    std::size_t end = page;
    while (end < there.size() && there[end] && (end - page) * kPage < kPieceBytes) ++end;
    if (end == page) {
      kept = 0;
      ++page;
      continue;
    }
    const std::uint64_t address = mapping.from + page * kPage;
    const std::size_t got = memory.read(address, piece.data() + kept, (end - page) * kPage);
    total += got;
    use(address - kept, std::span(piece).first(kept + got));
    const bool whole = got == (end - page) * kPage;
    if (whole)
      std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(kept + got - overlap), overlap,
                  piece.begin());
    kept = whole ? overlap : 0;
    page = end;
  }
  return total;
}

}  // namespace keyhold::memory
