#include "keyring/copies.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace keyhold::keyring {
namespace {

constexpr std::array<std::string_view, 2> kNames = {"keyring.a", "keyring.b"};

struct Copy {
  CopyReport report;
  ByteVector file;
  std::optional<format::ParsedKeyring> parsed;
};

// A copy that the disk cannot read is damaged, for the other to replace; a copy that we may not
// read is the caller's to sort out.
Result<Copy> judge_unread(Copy copy, const Error& error) {
  copy.report.problem = error.message();
  switch (error.code()) {
    case Code::not_found:
      copy.report.state = CopyState::missing;
      return copy;
    case Code::io:
    case Code::integrity:         // not a file at all
    case Code::invalid_argument:  // longer than any key ring
      copy.report.state = CopyState::damaged;
      return copy;
    default:
      return fail(error);
  }
}

Result<Copy> read_copy(io::FileSystem& files, const std::string& directory, std::string_view name) {
  Copy copy;
  copy.report.name = name;
  auto file = io::read_file(files, io::join_path(directory, name), format::kMaxKeyringSizeBytes);
  if (!file) return judge_unread(std::move(copy), file.error());
  auto parsed = format::parse_keyring(*file);
  if (!parsed) {
    copy.report.problem = parsed.error().message();
    copy.report.state =
        parsed.error().code() == Code::unsupported ? CopyState::unsupported : CopyState::damaged;
    return copy;
  }
  copy.report.state = CopyState::good;
  copy.report.sequence = parsed->record.sequence;
  copy.file = *std::move(file);
  copy.parsed = *std::move(parsed);
  return copy;
}

void mark_behind(Copy& copy, const Copy& other) {
  copy.report.state = CopyState::behind;
  copy.report.problem = "sequence " + std::to_string(copy.report.sequence) + ", " +
                        other.report.name + " has " + std::to_string(other.report.sequence);
}

// REQUIRES: both are whole. True where the first counts.
Result<bool> choose(Copy& a, Copy& b) {
  if (a.report.sequence < b.report.sequence) {
    mark_behind(a, b);
    return false;
  }
  if (b.report.sequence < a.report.sequence) mark_behind(b, a);
  if (a.report.sequence == b.report.sequence && a.file != b.file) {
    return fail(Code::integrity,
                "the two copies of the key ring have one sequence number and different content: "
                "somebody changed one; restore the right one over both from a backup of .keyhold");
  }
  return true;
}

Error no_copy(const Copy& a, const Copy& b, const std::string& directory) {
  if (a.report.state == CopyState::missing && b.report.state == CopyState::missing) {
    return {Code::not_found,
            "there is no key ring in " + directory +
                "; `keyhold store init` makes a new store; the key ring of one that "
                "has files must be restored from a backup of .keyhold"};
  }
  return {Code::integrity, "neither copy of the key ring in " + directory + " is whole (" +
                               a.report.name + ": " + a.report.problem + "; " + b.report.name +
                               ": " + b.report.problem +
                               "): restore one of them from a backup of .keyhold"};
}

// The second name of a copy that is about to be replaced for good.
std::string shred_name(std::string_view copy) {
  return "." + std::string(copy) + ".shred";
}

bool is_leftover(std::string_view name) {
  for (const std::string_view copy : kNames) {
    if (name.starts_with("." + std::string(copy) + ".tmp-") || name == shred_name(copy))
      return true;
  }
  return false;
}

// Whether a copy is this very file: a crash came before it was replaced.
Result<bool> is_copy(io::FileSystem& files, const std::string& directory,
                     const io::FileInfo& file) {
  for (const std::string_view name : kNames) {
    const auto copy = files.info(io::join_path(directory, name));
    if (!copy && copy.error().code() != Code::not_found) return fail(copy.error());
    if (copy && copy->device == file.device && copy->inode == file.inode) return true;
  }
  return false;
}

// In place, so that the same blocks are written wherever the file system writes in place.
Status overwrite(io::FileSystem& files, const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto file,
                     files.open(path, {.access = io::OpenOptions::Access::read_write}));
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  const ByteVector zeros(std::min<std::uint64_t>(info.size_bytes, format::kMaxKeyringSizeBytes));
  KEYHOLD_TRY(file->write_at(0, zeros));
  KEYHOLD_TRY(file->sync_all());
  return file->close();
}

}  // namespace

Result<FoundCopies> Copies::load() const {
  KEYHOLD_TRY_ASSIGN(Copy a, read_copy(files_, directory_, kNames[0]));
  KEYHOLD_TRY_ASSIGN(Copy b, read_copy(files_, directory_, kNames[1]));
  for (const Copy* copy : {&a, &b}) {
    if (copy->report.state == CopyState::unsupported) {
      return fail(Code::unsupported, copy->report.name + ": " + copy->report.problem);
    }
  }
  if (!a.parsed && !b.parsed) return fail(no_copy(a, b, directory_));
  bool first = a.parsed.has_value();
  if (a.parsed && b.parsed) {
    KEYHOLD_TRY_ASSIGN(first, choose(a, b));
  }
  Copy& best = first ? a : b;
  return FoundCopies{.reports = {a.report, b.report},
                     .best = *std::move(best.parsed),
                     .best_file = std::move(best.file)};
}

Result<bool> Copies::any() const {
  for (const std::string_view name : kNames) {
    KEYHOLD_TRY_ASSIGN(const bool there, io::exists(files_, io::join_path(directory_, name)));
    if (there) return true;
  }
  return false;
}

Status Copies::write(ByteView file) const {
  for (const std::string_view name : kNames) {
    KEYHOLD_TRY(io::replace_file(files_, io::join_path(directory_, name), file));
  }
  return {};
}

Status Copies::repair(const FoundCopies& found) const {
  for (const CopyReport& report : found.reports) {
    if (report.state == CopyState::good) continue;
    const auto written =
        io::replace_file(files_, io::join_path(directory_, report.name), found.best_file);
    if (!written) {
      return fail(written.error().within("key ring copy " + report.name +
                                         " has to be written anew before its keys are used"));
    }
  }
  // A copy that looks good may be what a killed change wrote, its name not durable yet.
  return files_.sync_directory(directory_);
}

Status Copies::write_keeping_old(ByteView file) const {
  KEYHOLD_TRY(remove_leftovers());
  for (const std::string_view name : kNames) {
    KEYHOLD_TRY(
        files_.link(io::join_path(directory_, name), io::join_path(directory_, shred_name(name))));
  }
  KEYHOLD_TRY(files_.sync_directory(directory_));
  return write(file);
}

Status Copies::remove_leftovers() const {
  KEYHOLD_TRY_ASSIGN(const auto names, files_.list(directory_));
  for (const std::string& name : names) {
    if (!is_leftover(name)) continue;
    const std::string path = io::join_path(directory_, name);
    KEYHOLD_TRY_ASSIGN(const io::FileInfo info, files_.entry(path));
    KEYHOLD_TRY_ASSIGN(const bool in_use, is_copy(files_, directory_, info));
    const bool ours = info.type == io::FileInfo::Type::file && !in_use;
    if (ours) KEYHOLD_TRY(overwrite(files_, path));
    KEYHOLD_TRY(files_.remove(path));
  }
  return {};
}

}  // namespace keyhold::keyring
