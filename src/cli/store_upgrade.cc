#include <fmt/core.h>

#include "cli/file_header.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/units.h"
#include "cli/version.h"

namespace keyhold::cli {
namespace {

// Format 1 is the first: there is nothing to move yet, but everything is looked at, so that what
// this build does not know is named before an engine trips over it.
Status upgrade(Session& session, const std::string& root) {
  KEYHOLD_TRY_ASSIGN(const OpenStore opened, open_store(session, root));
  KEYHOLD_TRY_ASSIGN(const auto paths, opened.files->list_files());
  for (const std::string& path : paths) {
    const auto header = read_file_header(path);
    if (!header && header.error().code() != Code::not_found) return fail(header.error());
  }
  Json json = Json::object();
  json.set("store", root).set("format", kStoreFormat).set("newest_format", kStoreFormat);
  json.set("files", paths.size()).set("upgraded_files", 0);
  return session.output.result(
      json, fmt::format("already format {}: the key ring and {} {}; nothing to do\n", kStoreFormat,
                        format_count(paths.size()), paths.size() == 1 ? "file" : "files"));
}

}  // namespace

Command store_upgrade_command() {
  const auto root = std::make_shared<std::string>();
  Command command;
  command.name = "upgrade";
  command.summary = "Move a store's key ring and files to the newest format";
  command.paragraphs = {
      "An old format stays readable, so this is never urgent. A newer format than this build knows "
      "is refused with exit status 1, and named."};
  command.arguments = {directory(*root, "the store")};
  command.examples = {{"keyhold store upgrade /srv/store", ""}};
  command.json = {{"store", "its directory"},
                  {"format", "that it has now"},
                  {"newest_format", "that this build knows"},
                  {"files", "how many were looked at"},
                  {"upgraded_files", "how many were moved"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [root](Session& session) { return upgrade(session, *root); };
  return command;
}

}  // namespace keyhold::cli
