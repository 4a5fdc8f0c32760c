#include "audit/end_of_log.h"

#include <algorithm>

namespace keyhold::audit {
namespace {

constexpr std::size_t kSegmentsReadBack = 8;
constexpr std::string_view kCheckpointMark = "\"event\":\"checkpoint\"";
constexpr std::string_view kBrokenMark = "\"event\":\"log_broken\"";

// A crash takes lines that were not synced. A synced one behind the damage says that it was none.
bool is_synced_record(const Line& line) {
  const auto record = format::parse_audit_record(line.text);
  return line.ended && record && !is_routine(*record);
}

// A segment as far as its chain goes, and what is known of the rest.
struct Scan {
  std::uint64_t good_bytes = 0;
  bool whole = true;
  std::string problem;
  bool synced_behind = false;  // a synced record behind the first bad line
};

class Scanner {
 public:
  explicit Scanner(Link start) : link_(start) {}

  Scan scan(std::string_view text) {
    Scan found;
    for_each_line(text, [&](const Line& line) {
      found.whole ? take(line, found) : look_at(line, found);
      return true;
    });
    return found;
  }

  [[nodiscard]] const Link& link() const { return link_; }
  [[nodiscard]] const std::optional<Record>& checkpoint() const { return checkpoint_; }
  [[nodiscard]] std::uint64_t since_checkpoint() const { return since_checkpoint_; }
  [[nodiscard]] const std::optional<Error>& newer() const { return newer_; }
  // Goes on whatever is damaged: a number and a hash for a new segment.
  [[nodiscard]] const Link& behind_damage() const { return behind_damage_; }

 private:
  void take(const Line& line, Scan& found) {
    auto record = link_.follow(line);
    if (!record && record.error().code() == Code::unsupported) {
      // A newer Keyhold's, where the next line follows from it; else damage like any other.
      newer_ = record.error();
      link_.skip(line);
      found.good_bytes += line.text.size() + 1;
      return;
    }
    if (!record) {
      found.whole = false;
      found.problem = record.error().message();
      behind_damage_ = link_;
      look_at(line, found);
      return;
    }
    found.good_bytes += line.text.size() + 1;
    ++since_checkpoint_;
    if (record->event != events::kCheckpoint || !record->mac) return;
    checkpoint_ = *std::move(record);
    since_checkpoint_ = 0;
  }

  void look_at(const Line& line, Scan& found) {
    found.synced_behind = found.synced_behind || is_synced_record(line);
    const auto record = format::parse_audit_record(line.text);
    behind_damage_.skip(line);
    if (record) behind_damage_.seq = std::max(behind_damage_.seq, record->seq + 1);
  }

  Link link_;
  Link behind_damage_;
  std::optional<Record> checkpoint_;
  std::uint64_t since_checkpoint_ = 0;
  std::optional<Error> newer_;
};

// A host found the damage before this segment, and said so: it is not found again.
bool begins_after_damage(std::string_view text) {
  return text.substr(0, text.find('\n')).find(kBrokenMark) != std::string_view::npos;
}

bool has_checkpoint(std::string_view text) {
  bool found = false;
  for_each_line(text, [&](const Line& line) {
    found = line.ended && line.text.find(kCheckpointMark) != std::string_view::npos &&
            format::parse_audit_record(line.text).has_value();
    return !found;
  });
  return found;
}

// The segments from the one with the last checkpoint on.
struct Tail {
  std::vector<Segment> segments;
  std::vector<ByteVector> texts;
  Link link;  // what the first line of the first one must say
};

// The last line of the segment before, whatever it is.
Result<Link> link_to(io::FileSystem& files, const std::vector<Segment>& all, std::size_t index) {
  Link link;
  if (index == 0) return link;
  KEYHOLD_TRY_ASSIGN(const ByteVector text, read_segment(files, all[index - 1]));
  for_each_line(as_text(text), [&](const Line& line) {
    link.skip(line);
    return true;
  });
  link.seq = all[index].first_seq;
  return link;
}

Result<Tail> read_tail(io::FileSystem& files, const std::vector<Segment>& all) {
  Tail tail;
  std::size_t index = all.size();
  bool enough = false;
  while (!enough && index > 0 && tail.segments.size() < kSegmentsReadBack) {
    --index;
    KEYHOLD_TRY_ASSIGN(ByteVector text, read_segment(files, all[index]));
    enough = has_checkpoint(as_text(text)) || begins_after_damage(as_text(text));
    tail.segments.insert(tail.segments.begin(), all[index]);
    tail.texts.insert(tail.texts.begin(), std::move(text));
  }
  KEYHOLD_TRY_ASSIGN(tail.link, link_to(files, all, index));
  return tail;
}

EndOfLog damaged(const Scanner& scanner, const Segment& last, const std::string& what, Link next) {
  EndOfLog end;
  end.next = next;
  // The new segment's name is not the old one's.
  end.next.seq = std::max(end.next.seq, last.first_seq + 1);
  end.damage = last.path + ": " + what;
  end.records_since_checkpoint = scanner.since_checkpoint();
  return end;
}

}  // namespace

Result<EndOfLog> find_end_of_log(io::FileSystem& files, const std::string& directory) {
  KEYHOLD_TRY_ASSIGN(const auto all, list_segments(files, directory));
  EndOfLog end;
  if (all.empty()) return end;
  KEYHOLD_TRY_ASSIGN(const Tail tail, read_tail(files, all));
  Scanner scanner(tail.link);
  Scan found;
  std::string problem;
  Link next = scanner.link();
  for (std::size_t i = 0; i < tail.segments.size(); ++i) {
    const Segment& segment = tail.segments[i];
    const bool last = i + 1 == tail.segments.size();
    if (problem.empty() && segment.first_seq != scanner.link().seq) {
      problem = "record " + std::to_string(scanner.link().seq) + " is missing before it";
    }
    found = scanner.scan(as_text(tail.texts[i]));
    next = found.whole ? scanner.link() : scanner.behind_damage();
    const bool torn_by_crash = last && !found.synced_behind;
    if (problem.empty() && !found.whole && !torn_by_crash) problem = found.problem;
  }
  if (problem.empty() && scanner.newer()) return fail(*scanner.newer());
  if (!problem.empty()) return damaged(scanner, tail.segments.back(), problem, next);
  end.next = scanner.link();
  end.segment = tail.segments.back().path;
  end.size_bytes = found.good_bytes;
  end.torn_bytes = tail.texts.back().size() - found.good_bytes;
  end.checkpoint = scanner.checkpoint();
  end.records_since_checkpoint = scanner.since_checkpoint();
  return end;
}

}  // namespace keyhold::audit
