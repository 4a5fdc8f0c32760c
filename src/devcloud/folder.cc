#include "devcloud/folder.h"

namespace keyhold::devcloud {
namespace {

constexpr std::size_t kMaxDocumentBytes = 64U << 20U;
constexpr std::uint32_t kPrivate = 0700;

Status ensure_directory(io::FileSystem& files, const std::string& path) {
  const Status made = files.make_directory(path, kPrivate);
  if (made || made.error().code() == Code::already_exists) return {};
  return made;
}

}  // namespace

Result<Folder> Folder::open(const Machine& machine, const std::string& path) {
  KEYHOLD_TRY(ensure_directory(machine.files, path));
  KEYHOLD_TRY(ensure_directory(machine.files, io::join_path(path, "state")));
  auto lock = machine.files.lock(io::join_path(path, "lock"));
  if (!lock) {
    if (lock.error().code() != Code::busy) return fail(lock.error());
    return fail(Code::busy, "another devcloud serves " + path);
  }
  KEYHOLD_TRY(machine.files.sync_directory(path));
  KEYHOLD_TRY(machine.files.sync_directory(io::parent_path(path)));
  return Folder(machine, path, *std::move(lock));
}

std::string Folder::at(std::string_view name) const {
  return io::join_path(path_, name);
}

Result<std::optional<std::string>> Folder::load(std::string_view name) const {
  const auto bytes = io::read_file(machine_.files, at(name), kMaxDocumentBytes);
  if (bytes) return std::optional<std::string>(as_text(*bytes));
  if (bytes.error().code() == Code::not_found) return std::optional<std::string>();
  return fail(bytes.error());
}

Status Folder::save(std::string_view name, std::string_view text) const {
  return io::replace_file(machine_.files, at(name), as_bytes(text));
}

}  // namespace keyhold::devcloud
