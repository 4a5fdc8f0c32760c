#include "audit/read.h"

#include <algorithm>

namespace keyhold::audit {
namespace {

Result<std::vector<Segment>> existing_segments(io::FileSystem& files,
                                               const std::string& directory) {
  KEYHOLD_TRY_ASSIGN(auto segments, list_segments(files, directory));
  if (segments.empty()) return fail(Code::not_found, "there is no audit log in " + directory);
  return segments;
}

// False: `take` has had enough.
bool read_lines(std::string_view text, std::uint64_t first_seq, const TakeLine& take) {
  bool wanted = true;
  for_each_line(text, [&](const Line& line) {
    if (!line.ended) return false;
    const auto record = format::parse_audit_record(line.text);
    if (record && record->seq < first_seq) return true;
    wanted = take(line, record ? &*record : nullptr);
    return wanted;
  });
  return wanted;
}

}  // namespace

Status read_log(io::FileSystem& files, const std::string& directory, std::uint64_t first_seq,
                const TakeLine& take) {
  KEYHOLD_TRY_ASSIGN(const auto segments, existing_segments(files, directory));
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool all_before = i + 1 < segments.size() && segments[i + 1].first_seq <= first_seq;
    if (all_before) continue;
    KEYHOLD_TRY_ASSIGN(const ByteVector text, read_segment(files, segments[i]));
    if (!read_lines(as_text(text), first_seq, take)) break;
  }
  return {};
}

Result<std::uint64_t> last_record(io::FileSystem& files, const std::string& directory) {
  KEYHOLD_TRY_ASSIGN(const auto segments, existing_segments(files, directory));
  std::uint64_t last = segments.back().first_seq - 1;
  KEYHOLD_TRY(
      read_log(files, directory, segments.back().first_seq, [&](const Line&, const Record* record) {
        if (record != nullptr) last = std::max(last, record->seq);
        return true;
      }));
  return last;
}

}  // namespace keyhold::audit
