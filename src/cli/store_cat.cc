#include <fmt/core.h>

#include "cli/file_header.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/store_paths.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

constexpr std::size_t kBufferSizeBytes = 1 << 20;

// What a log was closed with; nothing of other files.
std::optional<std::uint64_t> closed_size(const std::string& path) {
  const auto file = read_file_header(path);
  if (!file || !file->header.current().closed) return std::nullopt;
  return file->logical_bytes;
}

// An engine reads a closed log as far as its frames are whole, since a power loss may have taken
// what was never synced; whoever wants the file's content wants all of it.
Status copy_out(Session& session, store::Store& store, const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto file, store.open_sequential(path));
  const auto promised = closed_size(path);
  ByteVector buffer(kBufferSizeBytes);
  std::uint64_t done = 0;
  while (true) {
    KEYHOLD_TRY_ASSIGN(const std::size_t count, file->read(buffer));
    if (count == 0) break;
    KEYHOLD_TRY(session.output.raw(as_text(ByteView(buffer).first(count))));
    done += count;
  }
  if (!promised || done >= *promised || closed_size(path) != promised) return {};
  return fail(Code::integrity,
              fmt::format("{}: {} of the {} bytes that it was closed with: truncated, damaged, or "
                          "lost with the power",
                          path, done, *promised));
}

Status refuse_folders(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const auto info = io::posix_file_system().info(path);
    if (!info || info->type != io::FileInfo::Type::directory) continue;
    return fail(Code::invalid_argument, path + " is a folder: name the files in it");
  }
  return {};
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
  KEYHOLD_TRY(refuse_folders(paths));
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
      "status 5. Standard output carries the bytes alone, with --json too.",
      "It reads a store that somebody may write to: a read-only snapshot or mount must be copied "
      "first."};
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
