// Runs a target without libFuzzer: its seeds, and mutations of them that are the same every time.
//
//   X_fuzz_replay [--mutations N] [--first N]    the seeds, then mutations first, first + 1, …
//   X_fuzz_replay FILE…                          these inputs: a crash that libFuzzer has found
//   X_fuzz_replay --write-seeds DIR              the seeds as a corpus for libFuzzer
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "target.h"

namespace keyhold::fuzz {
namespace {

std::array<char, 80> g_doing{};  // told when the process ends

void tell_and_end(int signal_number) {
  static_cast<void>(!::write(2, g_doing.data(), std::string_view(g_doing.data()).size()));
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

void say_on_crash() {
  for (const int number : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL}) {
    std::signal(number, tell_and_end);
  }
}

void doing(const char* what, std::size_t number) {
  std::snprintf(g_doing.data(), g_doing.size(), "while running %s %zu\n", what, number);
}

class Mutator {
 public:
  Mutator(const std::vector<ByteVector>& seeds, std::size_t number)
      : seeds_(seeds), random_(static_cast<std::uint32_t>(number) * 2654435761U + 1) {}

  ByteVector make() {
    ByteVector input = seeds_[below(seeds_.size())];
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(input);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  std::uint8_t byte() {
    static constexpr std::array<std::uint8_t, 6> kTelling = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    return below(2) == 0 ? kTelling.at(below(kTelling.size()))
                         : static_cast<std::uint8_t>(random_() >> 8U);
  }

  void change(ByteVector& input) {
    const auto at = static_cast<std::ptrdiff_t>(below(input.size()));
    const auto length = static_cast<std::ptrdiff_t>(
        std::min<std::size_t>(1 + below(16), input.size() - static_cast<std::size_t>(at)));
    switch (below(6)) {
      case 0:
        if (!input.empty())
          input[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 1:
        if (!input.empty()) input[static_cast<std::size_t>(at)] = byte();
        break;
      case 2:
        input.erase(input.begin() + at, input.begin() + at + length);
        break;
      case 3:
        input.insert(input.begin() + at, static_cast<std::size_t>(1 + below(16)), byte());
        break;
      case 4:
        input.resize(static_cast<std::size_t>(at));
        break;
      default:
        splice(input, at);
    }
  }

  // The end of another seed.
  void splice(ByteVector& input, std::ptrdiff_t at) {
    const ByteVector& other = seeds_[below(seeds_.size())];
    input.resize(static_cast<std::size_t>(at));
    const std::size_t from = std::min(static_cast<std::size_t>(at), other.size());
    input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
  }

  const std::vector<ByteVector>& seeds_;
  std::minstd_rand random_;
};

void run_seeds_and_mutations(std::size_t first, std::size_t count) {
  const std::vector<ByteVector> given = seeds();
  require(!given.empty(), "a target has seeds");
  for (std::size_t i = 0; i < given.size(); ++i) {
    doing("seed", i);
    run(given[i]);
  }
  for (std::size_t i = first; i < first + count; ++i) {
    doing("mutation", i);
    run(Mutator(given, i).make());
  }
  std::printf("%zu seeds, %zu mutations\n", given.size(), count);
}

void write_seeds(const std::string& directory) {
  std::filesystem::create_directories(directory);
  std::size_t number = 0;
  for (const ByteVector& seed : seeds()) {
    std::ofstream(directory + "/seed-" + std::to_string(number++), std::ios::binary)
        << as_text(seed);
  }
}

void run_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  require(in.is_open(), "the named file can be read");
  const std::string content{std::istreambuf_iterator<char>(in), {}};
  run(as_bytes(content));
}

void main_of(const std::vector<std::string>& words) {
  std::size_t count = 1000;
  std::size_t first = 0;
  bool files = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool more = i + 1 < words.size();
    if (words[i] == "--mutations" && more) {
      count = std::stoul(words[++i]);
    } else if (words[i] == "--first" && more) {
      first = std::stoul(words[++i]);
    } else if (words[i] == "--write-seeds" && more) {
      return write_seeds(words[++i]);
    } else {
      files = true;
      run_file(words[i]);
    }
  }
  if (!files) run_seeds_and_mutations(first, count);
}

}  // namespace
}  // namespace keyhold::fuzz

int main(int argc, char** argv) {
  keyhold::fuzz::say_on_crash();
  keyhold::fuzz::main_of({argv + 1, argv + argc});
}
