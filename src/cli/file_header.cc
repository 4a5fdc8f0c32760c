#include "cli/file_header.h"

#include <array>

#include "format/table.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

std::optional<std::uint64_t> logical_bytes(const format::HeaderSlot& slot,
                                           std::uint64_t physical_bytes) {
  if (slot.mode == format::Mode::log) {
    return slot.closed ? std::optional(slot.closing.logical_bytes) : std::nullopt;
  }
  const auto geometry = format::table_geometry(physical_bytes);
  return geometry ? std::optional(geometry->logical_bytes()) : std::nullopt;
}

}  // namespace

Result<FileHeader> read_file_header(const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto file, io::posix_file_system().open(path, {}));
  KEYHOLD_TRY_ASSIGN(const auto info, file->info());
  if (info.type != io::FileInfo::Type::file) {
    return fail(Code::invalid_argument, path + " is not a file");
  }
  std::array<std::uint8_t, format::kHeaderSizeBytes> block{};
  KEYHOLD_TRY_ASSIGN(const std::size_t count, file->read_at(0, block));
  if (count < block.size()) {
    return fail(Code::integrity, path + ": no Keyhold header: the file is plaintext, or cut short");
  }
  auto header = format::parse_header(block);
  if (!header) return fail(header.error().within(path));
  FileHeader result{*header, info.size_bytes, {}};
  result.logical_bytes = logical_bytes(header->current(), info.size_bytes);
  return result;
}

std::string_view mode_name(format::Mode mode) {
  switch (mode) {
    case format::Mode::table:
      return "table";
    case format::Mode::log:
      return "log";
    case format::Mode::page:
      return "page";
  }
  return "unknown";
}

}  // namespace keyhold::cli
