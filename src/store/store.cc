#include "store/store.h"

#include <algorithm>
#include <utility>

#include "store/construction.h"
#include "store/header_block.h"
#include "store/log_reader.h"
#include "store/log_writer.h"
#include "store/table_reader.h"
#include "store/table_sequential.h"
#include "store/table_writer.h"

namespace keyhold::store {
namespace {

using io::OpenOptions;

// "/a//b/./c/" → "/a/b/c"; nothing for a relative path or one with "..".
std::optional<std::string> normal_form(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::string normal;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") normal.append("/").append(part);
  }
  return normal;
}

bool is_within(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'));
}

Layout layout_of(format::Mode mode) {
  return mode == format::Mode::table ? Layout::table : Layout::log;
}

Status check_append_mode(const HeaderBlock& header, const std::string& path) {
  if (header.slot().mode != format::Mode::page) return {};
  return fail(Code::unsupported, path + ": a page-mode file; it is read through the mount");
}

struct OpenFile {
  std::unique_ptr<io::File> file;
  HeaderBlock header;
  ReaderPlace place;
};

Result<OpenFile> open_file(io::FileSystem& files, KeySource& keys, const std::string& path,
                           const OpenOptions& options) {
  KEYHOLD_TRY_ASSIGN(std::unique_ptr<io::File> file, files.open(path, options));
  // A direct handle reads whole blocks into aligned memory; the header goes through a plain one.
  std::unique_ptr<io::File> plain;
  if (options.direct) {
    KEYHOLD_TRY_ASSIGN(plain, files.open(path, {}));
  }
  KEYHOLD_TRY_ASSIGN(HeaderBlock header, HeaderBlock::load(plain ? *plain : *file, keys, path));
  KEYHOLD_TRY(check_append_mode(header, path));
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  const ReaderPlace place{.file = key_of(info),
                          .oldest = header.oldest_generation(),
                          .physical_bytes = info.size_bytes};
  return OpenFile{std::move(file), std::move(header), place};
}

Result<std::unique_ptr<RandomFile>> read_at_random(io::FileSystem& files, KeySource& keys,
                                                   const std::string& path, OpenFile open,
                                                   AccessHints hints) {
  if (layout_of(open.header.slot().mode) == Layout::table) {
    return TableReader::open(path, std::move(open.file), open.header, keys, hints.direct);
  }
  if (hints.direct) {
    KEYHOLD_TRY_ASSIGN(open.file, files.open(path, {}));
  }
  return std::make_unique<LogRandomReader>(path, std::move(open.file), open.header, keys);
}

Result<std::unique_ptr<SequentialFile>> read_in_order(io::FileSystem& files, KeySource& keys,
                                                      const std::string& path, OpenFile open,
                                                      AccessHints hints) {
  if (layout_of(open.header.slot().mode) == Layout::table) {
    KEYHOLD_TRY_ASSIGN(
        auto table, TableReader::open(path, std::move(open.file), open.header, keys, hints.direct));
    return std::make_unique<TableSequentialReader>(std::move(table));
  }
  if (hints.direct) {
    KEYHOLD_TRY_ASSIGN(open.file, files.open(path, {}));
  }
  return std::make_unique<LogSequentialReader>(path, std::move(open.file), open.header, keys);
}

}  // namespace

Store::Store(io::FileSystem& files, KeySource& keys, crypto::Random& random, std::string root)
    : files_(files),
      keys_(keys),
      random_(random),
      root_(normal_form(root).value_or(std::move(root))) {}

Result<std::string> Store::locate(std::string_view path) const {
  auto normal = normal_form(path);
  if (!normal || !is_within(*normal, root_)) {
    return fail(Code::permission,
                std::string(path) + " is outside the store " + root_ + "; choose a path below it");
  }
  if (is_within(*normal, io::join_path(root_, kPrivateFolder))) {
    return fail(Code::permission,
                std::string(path) + " is in the store's own folder, which no engine can reach");
  }
  if (is_within(*normal, io::join_path(root_, kMountFolder))) {
    return fail(Code::permission,
                std::string(path) + " is among the mount's files, which only the mount can reach");
  }
  return *std::move(normal);
}

Result<std::unique_ptr<AppendFile>> Store::create(const std::string& path, Layout layout,
                                                  AccessHints hints) {
  const std::shared_lock names(names_);
  auto file = create_held(path, layout, hints);
  if (!file) return fail(file.error().within("creating " + path));
  return file;
}

Result<std::unique_ptr<AppendFile>> Store::create_held(const std::string& path, Layout layout,
                                                       AccessHints hints) {
  const format::Mode mode = layout == Layout::table ? format::Mode::table : format::Mode::log;
  KEYHOLD_TRY_ASSIGN(HeaderBlock header, HeaderBlock::make(keys_, random_, mode));
  // Frames have any length, so only a table can bypass the page cache.
  const bool direct = hints.direct && layout == Layout::table;
  KEYHOLD_TRY_ASSIGN(Construction made, Construction::begin(files_, random_, path, header, direct));
  KEYHOLD_TRY(files_.rename(made.path(), path));
  made.keep();
  std::unique_ptr<io::File> file = made.take_file();
  file->set_path(path);
  if (layout == Layout::log) {
    return make_log_writer(path, std::move(file), std::move(header), LogEnd{}, false);
  }
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  const Generation generation = header.oldest_generation();
  return std::make_unique<TableWriter>(path, std::move(file), std::move(header), keys_, random_,
                                       direct, live_.add(info, 0, generation));
}

Result<std::unique_ptr<AppendFile>> Store::make_log_writer(const std::string& path,
                                                           std::unique_ptr<io::File> file,
                                                           HeaderBlock header, const LogEnd& end,
                                                           bool recycled) {
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, file->info());
  auto live = live_.add(info, end.logical_bytes, header.oldest_generation());
  return std::make_unique<LogWriter>(path, std::move(file), std::move(header), keys_, random_, end,
                                     std::move(live), recycled);
}

Result<std::unique_ptr<AppendFile>> Store::reopen(const std::string& path) {
  const std::shared_lock names(names_);
  const OpenOptions options{.access = OpenOptions::Access::read_write};
  KEYHOLD_TRY_ASSIGN(const io::FileInfo before, files_.info(path));
  live_.retire(before);
  KEYHOLD_TRY_ASSIGN(OpenFile open, open_file(files_, keys_, path, options));
  if (layout_of(open.header.slot().mode) == Layout::table) {
    return TableWriter::reopen(path, std::move(open.file), std::move(open.header), keys_, random_);
  }
  LogCursor cursor(path, *open.file, open.header, keys_);
  for (;;) {
    KEYHOLD_TRY_ASSIGN(const auto payload, cursor.next());
    if (!payload) break;
  }
  const LogEnd end{.physical_offset = cursor.position().physical_offset,
                   .next_number = cursor.position().number,
                   .logical_bytes = cursor.position().logical_bytes};
  if (open.header.slot().closed) {
    format::HeaderSlot next = open.header.slot();
    next.closed = false;
    next.closing = {};
    KEYHOLD_TRY(open.header.replace(*open.file, keys_, std::move(next)));
  }
  // A torn tail must not stand behind new frames, and what new frames call synced must be.
  KEYHOLD_TRY(open.file->truncate(end.physical_offset));
  KEYHOLD_TRY(open.file->sync_all());
  return make_log_writer(path, std::move(open.file), std::move(open.header), end, false);
}

Result<std::unique_ptr<AppendFile>> Store::recycle(const std::string& old_path,
                                                   const std::string& path) {
  const std::shared_lock names(names_);
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, files_.info(old_path));
  if (info.links > 1) return recycle_linked(old_path, path);
  live_.retire(info);
  const OpenOptions options{.access = OpenOptions::Access::read_write};
  KEYHOLD_TRY_ASSIGN(OpenFile open, open_file(files_, keys_, old_path, options));
  if (open.header.slot().mode != format::Mode::log) {
    return fail(Code::unsupported, old_path + ": only a log-like file can be recycled");
  }
  format::HeaderSlot next = open.header.slot();
  KEYHOLD_TRY_ASSIGN(next.generation, keys_.current_generation());
  next.salt = new_salt(random_);
  next.closed = false;
  next.closing = {};
  // From here on the old frames are nobody's; before the first new one, this is on stable storage.
  KEYHOLD_TRY(open.header.replace(*open.file, keys_, std::move(next)));
  KEYHOLD_TRY(open.file->sync_data());
  KEYHOLD_TRY(files_.rename(old_path, path));
  open.file->set_path(path);
  return make_log_writer(path, std::move(open.file), std::move(open.header), LogEnd{}, true);
}

// Somebody keeps the old frames under another name (a checkpoint does): they stay as they are.
Result<std::unique_ptr<AppendFile>> Store::recycle_linked(const std::string& old_path,
                                                          const std::string& path) {
  KEYHOLD_TRY_ASSIGN(auto file, create_held(path, Layout::log, {}));
  KEYHOLD_TRY(files_.remove(old_path));
  return file;
}

Result<std::unique_ptr<RandomFile>> Store::open_random(const std::string& path, AccessHints hints) {
  const std::shared_lock names(names_);
  KEYHOLD_TRY_ASSIGN(OpenFile open, open_file(files_, keys_, path, {.direct = hints.direct}));
  const ReaderPlace place = open.place;
  KEYHOLD_TRY_ASSIGN(auto inner, read_at_random(files_, keys_, path, std::move(open), hints));
  return make_exchangeable(readers_, place, hints, std::move(inner));
}

Result<std::unique_ptr<SequentialFile>> Store::open_sequential(const std::string& path,
                                                               AccessHints hints) {
  const std::shared_lock names(names_);
  KEYHOLD_TRY_ASSIGN(OpenFile open, open_file(files_, keys_, path, {.direct = hints.direct}));
  const ReaderPlace place = open.place;
  KEYHOLD_TRY_ASSIGN(auto inner, read_in_order(files_, keys_, path, std::move(open), hints));
  return make_exchangeable(readers_, place, hints, std::move(inner));
}

// Errors of a handle name the file by the name that it will have.
Successor Store::successor(const std::string& path, const Rewritten& made) {
  const auto open = [this, path, at = made.construction.path()](AccessHints hints) {
    auto opened = open_file(files_, keys_, at, {.direct = hints.direct});
    if (opened) opened->file->set_path(path);
    return opened;
  };
  Successor successor;
  successor.random = [this, path, open](AccessHints hints) -> Result<std::unique_ptr<RandomFile>> {
    KEYHOLD_TRY_ASSIGN(OpenFile opened, open(hints));
    return read_at_random(files_, keys_, path, std::move(opened), hints);
  };
  successor.sequential = [this, path,
                          open](AccessHints hints) -> Result<std::unique_ptr<SequentialFile>> {
    KEYHOLD_TRY_ASSIGN(OpenFile opened, open(hints));
    return read_in_order(files_, keys_, path, std::move(opened), hints);
  };
  successor.place = {
      .file = key_of(made.info), .oldest = made.oldest, .physical_bytes = made.info.size_bytes};
  return successor;
}

Result<std::uint64_t> Store::logical_size(const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const FileDescription description, describe(path));
  return description.logical_bytes;
}

Result<FileDescription> Store::describe(const std::string& path) {
  KEYHOLD_TRY_ASSIGN(const OpenFile open, open_file(files_, keys_, path, {}));
  KEYHOLD_TRY_ASSIGN(const io::FileInfo info, open.file->info());
  const format::HeaderSlot& slot = open.header.slot();
  FileDescription description{.layout = layout_of(slot.mode),
                              .file_id = slot.file_id,
                              .generation = slot.generation,
                              .format_version = format::kHeaderVersion,
                              .header_sequence = slot.sequence,
                              .closed = slot.closed,
                              .logical_bytes = 0,
                              .physical_bytes = info.size_bytes};
  if (description.layout == Layout::table) {
    const auto geometry = format::table_geometry(info.size_bytes);
    description.closed = geometry.has_value();
    description.logical_bytes =
        geometry ? geometry->logical_bytes() : format::whole_chunk_bytes(info.size_bytes);
    return description;
  }
  if (const auto live = live_.size_of(info)) {
    description.logical_bytes = *live;
  } else if (slot.closed) {
    description.logical_bytes = slot.closing.logical_bytes;
  } else {
    LogCursor cursor(path, *open.file, open.header, keys_);
    for (bool more = true; more;) {
      KEYHOLD_TRY_ASSIGN(const auto payload, cursor.next());
      more = payload.has_value();
    }
    description.logical_bytes = cursor.position().logical_bytes;
  }
  return description;
}

}  // namespace keyhold::store
