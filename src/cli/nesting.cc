#include "cli/nesting.h"

#include <filesystem>
#include <string_view>

#include <fmt/core.h>

#include "cli/store_access.h"
#include "io/file_system.h"
#include "kms/local/admin.h"

namespace keyhold::cli {
namespace {

// As far as it exists; the rest as it is written.
Result<std::string> real_path(const std::string& path) {
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(path, error);
  if (error) return fail_errno(error.value(), path);
  return real.string();
}

// A marker that cannot be read is a KMS's that keeps others out; that is not said of a path.
bool is_local_kms(const std::string& folder) {
  const auto kms = kms::LocalKms::open(folder);
  return kms || kms.error().code() == Code::integrity || kms.error().code() == Code::unsupported;
}

tl::unexpected<Error> lies_in(const std::string& path, std::string_view what,
                              const std::string& folder) {
  return fail(Code::invalid_argument,
              fmt::format("{} lies in {}{}: choose a place of its own", path, what, folder));
}

}  // namespace

Status refuse_inside_store_or_kms(const std::string& path) {
  KEYHOLD_TRY_ASSIGN(std::string folder, real_path(path));
  while (folder != "/") {
    folder = io::parent_path(folder);
    if (is_local_kms(folder)) {
      return lies_in(path, "the software KMS ", folder);
    }
    const auto store = find_store(folder);
    if (store && *store == folder) {
      return lies_in(path, "the store ", folder);
    }
  }
  return {};
}

Status refuse_anchor_in_store(const std::string& anchor, const std::string& store) {
  if (anchor.empty()) return {};
  KEYHOLD_TRY_ASSIGN(const std::string place, real_path(anchor));
  KEYHOLD_TRY_ASSIGN(const std::string root, real_path(store));
  const auto other = find_store(io::parent_path(place));
  if (!place.starts_with(root + "/") && !other) return {};
  return fail(Code::invalid_argument,
              "the anchor " + anchor + " lies in the store " + (other ? *other : root) +
                  ": who can put back an old copy of one can put back the other; choose a place "
                  "outside, another disk's best of all");
}

}  // namespace keyhold::cli
