// keyhold.toml: any file gives settings or problems that name it.
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "cli/settings.h"
#include "target.h"

namespace keyhold::fuzz {
namespace {

// A file in memory that holds the input; one for all inputs.
const std::string& path_of(ByteView input) {
  static const int descriptor = ::memfd_create("keyhold.toml", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  require(::ftruncate(descriptor, 0) == 0, "the file is emptied");
  require(::pwrite(descriptor, input.data(), input.size(), 0) == static_cast<ssize_t>(input.size()),
          "the file is written");
  return path;
}

}  // namespace

void run(ByteView input) {
  const std::string& path = path_of(input);
  const auto settings = cli::read_settings_file(path);
  if (!settings) {
    require(settings.error().message().find(path) != std::string::npos, "an error names the file");
    return;
  }
  const auto resolved =
      cli::resolve_settings({.flags = {},
                             .environment = [](const std::string&) { return std::nullopt; },
                             .file = path,
                             .file_settings = *settings});
  require(!resolved.problems.empty() || resolved.settings.jobs > 0, "good settings are complete");
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (const std::string_view text :
       {"[log]\nlevel = \"debug\"\n[kms]\ndeadline = \"2s\"\nwait = \"forever\"\n",
        "jobs = 4\nprogress = false\n[crypto]\naead = \"openssl\"\n", "[log]\nlevel = 7\n",
        "unknown = 1\n", "a = [1, 2]\nb = { c = 1.5 }\n", "x = 1979-05-27T07:32:00Z\n",
        "= nonsense", "[ .a]\n"}) {
    const ByteView bytes = as_bytes(text);
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  return seeds;
}

}  // namespace keyhold::fuzz
