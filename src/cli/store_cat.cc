#include <fmt/core.h>

#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/store_paths.h"

namespace keyhold::cli {
namespace {

constexpr std::size_t kBufferSizeBytes = 1 << 20;

Status copy_out(Session& session, store::Store& store, const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto file, store.open_sequential(path));
  ByteVector buffer(kBufferSizeBytes);
  while (true) {
    KEYHOLD_TRY_ASSIGN(const std::size_t count, file->read(buffer));
    if (count == 0) return {};
    KEYHOLD_TRY(session.output.raw(as_text(ByteView(buffer).first(count))));
  }
}

// `keyhold store cat STORE FILE…`, or FILE… alone: then the store is the one that the first lies
// in.
Status cat(Session& session, const std::vector<std::string>& given) {
  KEYHOLD_TRY_ASSIGN(const std::string first, absolute_path(given.front()));
  KEYHOLD_TRY_ASSIGN(const std::string root, find_store(first));
  std::vector<std::string> paths;
  if (first == root) {
    if (given.size() == 1) {
      return fail(Code::invalid_argument, root + " is a store: name the files in it");
    }
    KEYHOLD_TRY_ASSIGN(paths, inside_store(root, {given.begin() + 1, given.end()}));
  } else {
    for (const std::string& path : given) {
      KEYHOLD_TRY_ASSIGN(std::string normal, absolute_path(path));
      paths.push_back(std::move(normal));
    }
  }
  KEYHOLD_TRY_ASSIGN(const OpenStore opened, open_store(session, root));
  for (const std::string& path : paths) KEYHOLD_TRY(copy_out(session, *opened.files, path));
  return {};
}

}  // namespace

Command store_cat_command() {
  const auto given = std::make_shared<std::vector<std::string>>();
  Command command;
  command.name = "cat";
  command.summary = "Write the plaintext of files to standard output";
  command.paragraphs = {
      "Bytes come out only after their tag was checked; at a damaged place it stops with exit "
      "status 5. Standard output carries the bytes alone, with --json too."};
  command.arguments = {required(texts("FILE", *given,
                                      "a file in a store; or the store, then files "
                                      "by their names from its root"))};
  command.arguments.back().completion = Completion::file;
  command.examples = {{"keyhold store cat /srv/store/db/LOG | less", ""},
                      {"keyhold store cat /srv/store db/OPTIONS-000007", ""}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [given](Session& session) { return cat(session, *given); };
  return command;
}

}  // namespace keyhold::cli
