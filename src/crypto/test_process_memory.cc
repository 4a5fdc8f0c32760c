#include "crypto/test_process_memory.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace keyhold::crypto {
namespace {

struct Range {
  std::uintptr_t from = 0;
  std::uintptr_t to = 0;
  [[nodiscard]] bool holds(std::uintptr_t address) const { return from <= address && address < to; }
};

// "7f00-7f10 rw-p …": empty where the line is no mapping's first.
Range parse_range(const std::string& line) {
  Range range;
  const char* const end = line.data() + line.size();
  const auto from = std::from_chars(line.data(), end, range.from, 16);
  if (from.ec != std::errc() || from.ptr == end || *from.ptr != '-') return {};
  if (std::from_chars(from.ptr + 1, end, range.to, 16).ec != std::errc()) return {};
  return range;
}

std::string permissions_in(const std::string& line) {
  return line.substr(line.find(' ') + 1, 4);
}

class OwnMemory {
 public:
  OwnMemory() : fd_(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {}
  ~OwnMemory() { ::close(fd_); }
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;

  std::size_t read(std::uintptr_t address, MutableByteView into) const {
    const ssize_t got = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(address));
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }

 private:
  int fd_;
};

// Memory of its own mapping, which the search leaves out: it holds copies of all it reads.
class Window {
 public:
  static constexpr std::size_t kSizeBytes = 1 << 20;
  Window()
      : data_(static_cast<std::uint8_t*>(::mmap(nullptr, kSizeBytes, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  ~Window() { ::munmap(data_, kSizeBytes); }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  [[nodiscard]] MutableByteView bytes() const { return {data_, kSizeBytes}; }
  [[nodiscard]] Range range() const {
    const auto from = reinterpret_cast<std::uintptr_t>(data_);
    return {from, from + kSizeBytes};
  }

 private:
  std::uint8_t* data_;
};

bool starts_with_inverse(ByteView bytes, ByteView inverted) {
  for (std::size_t i = 0; i < inverted.size(); ++i) {
    if ((bytes[i] ^ inverted[i]) != 0xff) return false;
  }
  return true;
}

std::size_t count_in(ByteView bytes, ByteView inverted) {
  const int first = inverted.front() ^ 0xff;
  std::size_t found = 0;
  while (bytes.size() >= inverted.size()) {
    const std::size_t starts = bytes.size() - inverted.size() + 1;
    const void* const hit = std::memchr(bytes.data(), first, starts);
    if (hit == nullptr) break;
    const auto skipped = static_cast<const std::uint8_t*>(hit) - bytes.data();
    bytes = bytes.subspan(static_cast<std::size_t>(skipped));
    if (starts_with_inverse(bytes, inverted)) ++found;
    bytes = bytes.subspan(1);
  }
  return found;
}

std::vector<Range> writable_ranges() {
  std::vector<Range> ranges;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (permissions_in(line).starts_with("rw")) ranges.push_back(parse_range(line));
  }
  return ranges;
}

// Pieces overlap by the needle's length less one, so that none is missed or seen twice.
std::size_t count_in_range(const OwnMemory& memory, const Window& window, Range range,
                           ByteView inverted) {
  std::size_t found = 0;
  const std::size_t overlap = inverted.size() - 1;
  for (std::uintptr_t at = range.from; at + overlap < range.to;) {
    const std::size_t want = std::min<std::size_t>(Window::kSizeBytes, range.to - at);
    const std::size_t got = memory.read(at, window.bytes().first(want));
    if (got <= overlap) break;
    found += count_in(window.bytes().first(got), inverted);
    at += got - overlap;
  }
  return found;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

ByteVector inverted(ByteView bytes) {
  ByteVector complement(bytes.size());
  std::ranges::transform(bytes, complement.begin(),
                         [](std::uint8_t byte) { return static_cast<std::uint8_t>(~byte); });
  return complement;
}

std::size_t occurrences_in_memory(ByteView inverted) {
  const OwnMemory memory;
  const Window window;
  std::size_t found = 0;
  for (const Range& range : writable_ranges()) {
    const Range own = window.range();
    // The kernel may join the window with a neighbour's mapping: the search goes round it.
    if (own.to <= range.from || range.to <= own.from) {
      found += count_in_range(memory, window, range, inverted);
    } else {
      found += count_in_range(memory, window, {range.from, own.from}, inverted);
      found += count_in_range(memory, window, {own.to, range.to}, inverted);
    }
  }
  return found;
}

ByteVector peek(const std::uint8_t* address, std::size_t size_bytes) {
  ByteVector bytes(size_bytes);
  const std::size_t got = OwnMemory().read(reinterpret_cast<std::uintptr_t>(address), bytes);
  EXPECT_EQ(got, size_bytes);
  return bytes;
}

MappingInfo mapping_of(const std::uint8_t* address) {
  MappingInfo info;
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    const Range range = parse_range(line);
    if (range.to != 0) {
      inside = range.holds(reinterpret_cast<std::uintptr_t>(address));
      if (inside) info.permissions = permissions_in(line);
    }
    if (inside && line.starts_with("VmFlags:")) info.flags = line.substr(8) + " ";
  }
  return info;
}

std::string in_child(const std::function<std::string()>& body) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string answer = body();
    const ssize_t written = ::write(pipe[1], answer.data(), answer.size());
    ::_exit(written == static_cast<ssize_t>(answer.size()) ? 0 : 1);
  }
  ::close(pipe[1]);
  std::string answer = read_all(pipe[0]);
  ::close(pipe[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the child died";
  return answer;
}

}  // namespace keyhold::crypto
