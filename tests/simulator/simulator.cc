// The lease simulator's command line (README.md).
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "run.h"

namespace keyhold::simulator {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t count = 300;
  bool one = false;
  bool trace = false;
  bool bugs = false;
  Bug bug = Bug::none;
};

int usage() {
  std::fputs(
      "usage: simulator [--seed N [--trace]] [--first N] [--count N] [--bug NAME] [--bugs]\n"
      "  --count N    that many seeds, from --first on; stops at the first that fails\n"
      "  --seed N     this one; --trace prints what happened\n"
      "  --bug NAME   with this bug planted\n"
      "  --bugs       each bug in turn: which seed below --count finds it; fails where none does\n",
      stderr);
  return 2;
}

bool parse_number(const char* text, std::uint64_t& value) {
  if (text == nullptr) return false;
  char* end = nullptr;
  value = std::strtoull(text, &end, 10);
  return *text != '\0' && *end == '\0';
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (word == "--trace") {
      options.trace = true;
    } else if (word == "--bugs") {
      options.bugs = true;
    } else if (word == "--seed" && parse_number(value, options.first)) {
      options.one = true;
      ++i;
    } else if (word == "--first" && parse_number(value, options.first)) {
      ++i;
    } else if (word == "--count" && parse_number(value, options.count)) {
      ++i;
    } else if (word == "--bug" && value != nullptr && bug_named(value)) {
      options.bug = *bug_named(value);
      ++i;
    } else {
      return false;
    }
  }
  return true;
}

void print_failure(std::uint64_t seed, Bug bug, const Outcome& outcome) {
  const std::string planted = bug == Bug::none ? "" : " --bug " + std::string(name_of(bug));
  std::printf("seed %llu: %s: %s\n  simulator --seed %llu%s --trace\n",
              static_cast<unsigned long long>(seed), outcome.violation->property.c_str(),
              outcome.violation->what.c_str(), static_cast<unsigned long long>(seed),
              planted.c_str());
}

int run_one(const Options& options) {
  const Outcome outcome = run(options.first, options.bug, options.trace);
  for (const std::string& line : outcome.trace) std::printf("%s\n", line.c_str());
  if (!outcome.violation) return std::puts("nothing was violated"), 0;
  print_failure(options.first, options.bug, outcome);
  return 1;
}

int run_many(const Options& options) {
  for (std::uint64_t seed = options.first; seed < options.first + options.count; ++seed) {
    const Outcome outcome = run(seed, options.bug, /*tracing=*/false);
    if (!outcome.violation) continue;
    // Again, for its story.
    for (const std::string& line : run(seed, options.bug, /*tracing=*/true).trace) {
      std::printf("%s\n", line.c_str());
    }
    print_failure(seed, options.bug, outcome);
    return 1;
  }
  std::printf("%llu schedules from seed %llu on: nothing was violated\n",
              static_cast<unsigned long long>(options.count),
              static_cast<unsigned long long>(options.first));
  return 0;
}

// Whether one of the seeds found it.
bool find(Bug bug, const Options& options) {
  for (std::uint64_t seed = options.first; seed < options.first + options.count; ++seed) {
    const Outcome outcome = run(seed, bug, /*tracing=*/false);
    if (!outcome.violation) continue;
    std::printf("%-34s %5llu  %s\n", std::string(name_of(bug)).c_str(),
                static_cast<unsigned long long>(seed), outcome.violation->property.c_str());
    return true;
  }
  std::printf("%-34s  none  NOT FOUND\n", std::string(name_of(bug)).c_str());
  return false;
}

int find_all(const Options& options) {
  std::printf("%-34s %5s  %s\n", "planted bug", "seed", "found by");
  std::size_t found = 0;
  for (const Bug bug : all_bugs()) found += find(bug, options) ? 1 : 0;
  std::printf("%zu of %zu planted bugs found\n", found, all_bugs().size());
  return found == all_bugs().size() ? 0 : 1;
}

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Options options;
  if (!parse(argc, argv, options)) return usage();
  if (options.bugs) return find_all(options);
  return options.one ? run_one(options) : run_many(options);
}

}  // namespace
}  // namespace keyhold::simulator

int main(int argc, char** argv) {
  return keyhold::simulator::main(argc, argv);
}
