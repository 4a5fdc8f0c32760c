#include "rocksdb/uri.h"

namespace keyhold::rocks {

Result<std::string> root_of_uri(std::string_view uri) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::invalid_argument, std::string(uri).append(": ").append(why).append(
                                            "; write keyhold:///absolute/path/of/the/store"));
  };
  const std::string prefix = std::string(kScheme) + "://";
  if (!uri.starts_with(prefix)) return refuse("no keyhold:// address");
  std::string_view path = uri.substr(prefix.size());
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (!path.starts_with('/')) return refuse("no absolute path");
  if (path.find('?') != std::string_view::npos) return refuse("it takes no settings");
  if ((std::string(path) + '/').find("/../") != std::string::npos) return refuse("\"..\" in it");
  return std::string(path);
}

}  // namespace keyhold::rocks
