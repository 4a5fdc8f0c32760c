#include "audit/segments.h"

#include <algorithm>

namespace keyhold::audit {

Result<std::vector<Segment>> list_segments(io::FileSystem& files, const std::string& directory) {
  std::vector<Segment> segments;
  const auto names = files.list(directory);
  if (!names && names.error().code() == Code::not_found) return segments;
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    const auto first = format::parse_audit_segment_name(name);
    if (first) segments.push_back({.first_seq = *first, .path = io::join_path(directory, name)});
  }
  std::ranges::sort(segments, {}, &Segment::first_seq);
  return segments;
}

Result<ByteVector> read_segment(io::FileSystem& files, const Segment& segment) {
  auto content = io::read_file(files, segment.path, format::kMaxAuditSegmentSizeBytes);
  if (content || content.error().code() != Code::invalid_argument) return content;
  return fail(Code::integrity, segment.path + " is larger than a segment of the audit log can be");
}

void for_each_line(std::string_view segment, const std::function<bool(const Line&)>& take) {
  while (!segment.empty()) {
    const std::size_t end = segment.find('\n');
    const bool ended = end != std::string_view::npos;
    if (!take({.text = segment.substr(0, end), .ended = ended})) return;
    segment.remove_prefix(ended ? end + 1 : segment.size());
  }
}

Result<Record> Link::follow(const Line& line) {
  if (!line.ended) return fail(Code::integrity, "the line does not end");
  KEYHOLD_TRY_ASSIGN(Record record, format::parse_audit_record(line.text));
  if (record.seq != seq) {
    return fail(Code::integrity, "record " + std::to_string(record.seq) + " where " +
                                     std::to_string(seq) + " must be");
  }
  if (record.prev != prev) {
    return fail(Code::integrity,
                "record " + std::to_string(seq) + " does not follow from the line before it");
  }
  skip(line);
  return record;
}

void Link::skip(const Line& line) {
  ++seq;
  prev = crypto::sha256(as_bytes(line.text));
}

}  // namespace keyhold::audit
