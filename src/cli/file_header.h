// The header of an encrypted file, read without its keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "format/header.h"

namespace keyhold::cli {

struct FileHeader {
  format::Header header;  // well-formed; its MACs were not checked
  std::uint64_t physical_bytes = 0;
  // Where header and size say it: of a table, and of a log that was closed.
  std::optional<std::uint64_t> logical_bytes;
};

// Code::integrity, with the path, where the file has no such header; Code::unsupported where a
// newer Keyhold wrote it.
Result<FileHeader> read_file_header(const std::string& path);

std::string_view mode_name(format::Mode mode);  // table, log, page

}  // namespace keyhold::cli
