// Looks for keys, and all that is kept for their use (needles.h), in the memory of processes.
//
//   memory_scan PID…
//
// Standard input: a line a key, its name and 64 hexadecimal digits. Standard output: a line of JSON
// a find, {"pid", "kind", "key", "mapping", "permissions", "mapping_start", "offset"}, and behind
// each process's {"pid", "bytes"}, how much was searched. Never a byte of what was found. Exit
// status: 0 whatever was found, 1 where a process could not be searched, 2 usage.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>

#include "needles.h"
#include "process_memory.h"

namespace keyhold::memory {
namespace {

std::uint64_t head_of(const std::uint8_t* bytes) {
  std::uint64_t head = 0;
  std::memcpy(&head, bytes, sizeof head);
  return head;
}

// Most places are told from all needles by one bit.
class Index {
 public:
  explicit Index(std::vector<Needle> needles) : needles_(std::move(needles)), filter_(kBits) {
    std::sort(needles_.begin(), needles_.end(), [](const Needle& a, const Needle& b) {
      return head_of(a.bytes.data()) < head_of(b.bytes.data());
    });
    for (const Needle& needle : needles_) filter_[slot_of(head_of(needle.bytes.data()))] = true;
  }

  template <typename Use>
  void find(std::span<const std::uint8_t> bytes, const Use& use) const {
    for (std::size_t at = 0; at + 16 <= bytes.size(); ++at) {
      const std::uint64_t head = head_of(bytes.data() + at);
      if (filter_[slot_of(head)]) compare(bytes.data() + at, head, at, use);
    }
  }

 private:
  static constexpr std::size_t kBits = 1 << 22;
  static std::size_t slot_of(std::uint64_t head) {
    return (head * 0x9E3779B97F4A7C15U) >> (64 - 22);
  }

  template <typename Use>
  void compare(const std::uint8_t* bytes, std::uint64_t head, std::size_t at,
               const Use& use) const {
    auto needle = std::lower_bound(
        needles_.begin(), needles_.end(), head,
        [](const Needle& a, auto value) { return head_of(a.bytes.data()) < value; });
    for (; needle != needles_.end() && head_of(needle->bytes.data()) == head; ++needle) {
      if (std::equal(needle->bytes.begin(), needle->bytes.end(), bytes)) use(at, *needle);
    }
  }

  std::vector<Needle> needles_;
  std::vector<bool> filter_;
};

std::vector<Key> read_keys() {
  std::vector<Key> keys;
  for (std::string line; std::getline(std::cin, line);) {
    const auto blank = line.rfind(' ');
    if (blank == std::string::npos || line.size() - blank != 65) {
      throw std::runtime_error("a line that is no name and 64 digits");
    }
    Key key{line.substr(0, blank), {}};
    for (std::size_t i = 0; i < 32; ++i) {
      const char* const digits = line.data() + blank + 1 + 2 * i;
      if (std::from_chars(digits, digits + 2, key.bytes[i], 16).ptr != digits + 2) {
        throw std::runtime_error("digits that are none");
      }
    }
    keys.push_back(std::move(key));
  }
  if (keys.empty()) throw std::runtime_error("no keys on standard input");
  return keys;
}

void scan(int pid, const Index& index, const std::vector<Key>& keys) {
  std::uint64_t bytes = 0;
  for (const Mapping& mapping : mappings_of(pid)) {
    // An overlap of 15: what begins in it ended behind the last piece, so nothing is found twice.
    bytes += read_mapping(pid, mapping, 15, [&](std::uint64_t address, auto piece) {
      index.find(piece, [&](std::size_t at, const Needle& needle) {
        std::printf(R"({"pid": %d, "kind": "%s", "key": "%s", "mapping": "%s", )"
                    R"("permissions": "%s", "mapping_start": %llu, "offset": %llu})"
                    "\n",
                    pid, needle.kind, keys[needle.key].name.c_str(), mapping.name.c_str(),
                    mapping.permissions.c_str(), static_cast<unsigned long long>(mapping.from),
                    static_cast<unsigned long long>(address + at - mapping.from));
      });
    });
  }
  std::printf(R"({"pid": %d, "bytes": %llu})"
              "\n",
              pid, static_cast<unsigned long long>(bytes));
}

int run(int argc, char** argv) {
  const std::vector<Key> keys = read_keys();
  const Index index(needles_of(keys));
  for (int i = 1; i < argc; ++i) scan(std::stoi(argv[i]), index, keys);
  return 0;
}

}  // namespace
}  // namespace keyhold::memory

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: memory_scan PID… < KEYS\n", stderr);
    return 2;
  }
  try {
    return keyhold::memory::run(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "memory_scan: %s\n", failure.what());
    return 1;
  }
}
