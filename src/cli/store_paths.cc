#include "cli/store_paths.h"

#include <fmt/core.h>

#include "cli/command.h"
#include "io/file_system.h"

namespace keyhold::cli {

Result<std::vector<std::string>> inside_store(const std::string& root,
                                              const std::vector<std::string>& given) {
  std::vector<std::string> paths;
  for (const std::string& path : given) {
    const std::string full = path.starts_with('/') ? path : io::join_path(root, path);
    KEYHOLD_TRY_ASSIGN(std::string normal, absolute_path(full));
    if (normal != root && relative_to(root, normal) == normal) {
      return fail(Code::invalid_argument,
                  fmt::format("{} lies outside the store {}", normal, root));
    }
    paths.push_back(std::move(normal));
  }
  return paths;
}

std::string relative_to(const std::string& root, const std::string& path) {
  const std::string prefix = root == "/" ? root : root + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

}  // namespace keyhold::cli
