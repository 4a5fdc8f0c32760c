#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/global_options.h"
#include "cli/man_page.h"
#include "cli/session.h"
#include "io/file_system.h"

namespace keyhold::cli {

Command man_command() {
  const auto target = std::make_shared<std::string>();
  Command command;
  command.name = "man";
  command.summary = "Write the manual pages into a directory";
  command.arguments = {directory(*target, "where; it must exist")};
  command.hidden = true;
  command.plain = true;
  command.run = [target](Session& session) -> Status {
    const auto info = io::posix_file_system().info(*target);
    if (!info || info->type != io::FileInfo::Type::directory) {
      return fail(Code::not_found, "there is no folder " + *target + " to write them into");
    }
    GlobalOptions unused;
    const auto globals = unused.arguments();
    const auto pages = man_pages(session.root, globals);
    for (const ManPage& page : pages) {
      const std::string path = io::join_path(*target, page.file_name);
      KEYHOLD_TRY(io::replace_file(io::posix_file_system(), path, as_bytes(page.content), 0644));
    }
    return session.output.result(Json::object().set("pages", pages.size()),
                                 fmt::format("wrote {} pages\n", pages.size()));
  };
  return command;
}

}  // namespace keyhold::cli
