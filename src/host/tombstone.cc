#include "host/tombstone.h"

#include <ctime>
#include <string>

#include "host/json_text.h"

namespace keyhold::host {
namespace {

constexpr std::size_t kMaxTombstoneSizeBytes = 256;

std::optional<Tombstone> parse(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view cause = text.substr(0, space);
  const std::string time(text.substr(space + 1));
  std::tm parts{};
  if (::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr) return std::nullopt;
  const WallTime at{std::chrono::seconds(::timegm(&parts))};
  for (const auto known : {control::SealCause::local_order, control::SealCause::order}) {
    if (cause == control::name_of(known)) return Tombstone{.cause = known, .at = at};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Tombstone> read_tombstone(io::FileSystem& files, const StoreLayout& layout) {
  const auto file = io::read_file(files, layout.tombstone, kMaxTombstoneSizeBytes);
  if (!file && file.error().code() == Code::not_found) return std::nullopt;
  const auto parsed = file ? parse(as_text(*file)) : std::nullopt;
  return parsed.value_or(Tombstone{.cause = control::SealCause::order, .at = WallTime()});
}

Status write_tombstone(io::FileSystem& files, const StoreLayout& layout,
                       const Tombstone& tombstone) {
  const std::string text =
      std::string(control::name_of(tombstone.cause)) + " " + time_text(tombstone.at) + "\n";
  return io::replace_file(files, layout.tombstone, as_bytes(text), 0600);
}

Status clear_tombstone(io::FileSystem& files, const StoreLayout& layout) {
  const Status removed = files.remove(layout.tombstone);
  if (!removed && removed.error().code() != Code::not_found) return removed;
  return files.sync_directory(layout.directory);
}

Error sealed_by(const StoreLayout& layout, const Tombstone& tombstone) {
  if (tombstone.cause == control::SealCause::local_order) {
    return {Code::sealed, "the store " + layout.root + " was sealed by `keyhold store seal` at " +
                              time_text(tombstone.at) + ": `keyhold store unseal " + layout.root +
                              "` opens it again"};
  }
  return {Code::sealed, "the store " + layout.root + " was sealed by an order of REVOKE (" +
                            layout.tombstone + "): only a RESTORE opens it again"};
}

}  // namespace keyhold::host
