#include "audit/verify.h"

#include <algorithm>
#include <array>
#include <optional>

namespace keyhold::audit {
namespace {

constexpr std::array kAdmissions = {events::kLost, events::kLogBroken, events::kLogUnanchored,
                                    events::kRepaired};

class Verifier {
 public:
  Status take_segment(const Segment& segment, std::string_view text, bool last) {
    segment_ = &segment;
    line_ = 0;
    ++report_.segments;
    if (segment.first_seq != next_.seq) {
      note("the segment begins with record " + std::to_string(segment.first_seq) + ", but " +
           std::to_string(next_.seq) + " is the next");
      next_.seq = segment.first_seq;
    }
    std::vector<Line> doubtful;  // of the last segment, from the first bad line on
    Status status;
    for_each_line(text, [&](const Line& line) {
      status = take_line(line, last ? &doubtful : nullptr);
      return status.has_value();
    });
    KEYHOLD_TRY(status);
    return take_end(doubtful);
  }

  Status take_damaged(const Segment& segment, const Error& error) {
    segment_ = &segment;
    line_ = 0;
    ++report_.segments;
    note(error.message());
    return {};
  }

  Result<VerifyReport> finish() && {
    if (newer_ && report_.findings.empty()) return fail(*newer_);
    report_.last_seq = next_.seq - 1;
    report_.head = next_.prev;
    return std::move(report_);
  }

 private:
  // What a crash tore is cut by the next host; a synced record behind it says that it was none.
  Status take_end(const std::vector<Line>& doubtful) {
    const bool damage = std::ranges::any_of(doubtful, [](const Line& line) {
      const auto record = format::parse_audit_record(line.text);
      return line.ended && record && !is_routine(*record);
    });
    for (const Line& line : doubtful) {
      if (damage) {
        KEYHOLD_TRY(take_line(line, nullptr));
      } else {
        report_.torn_bytes += line.text.size() + (line.ended ? 1 : 0);
      }
    }
    return {};
  }

  // A bad line goes to `doubtful`, with all behind it, where that is given.
  Status take_line(const Line& line, std::vector<Line>* doubtful) {
    if (doubtful != nullptr && !doubtful->empty()) {
      doubtful->push_back(line);
      return {};
    }
    auto record = next_.follow(line);
    if (!record && record.error().code() == Code::unsupported) {
      // A newer Keyhold's, where the next line follows from it; else damage like any other.
      newer_ = record.error();
      ++line_;
      next_.skip(line);
      return {};
    }
    if (!record && doubtful != nullptr) {
      doubtful->push_back(line);
      return {};
    }
    ++line_;
    if (record) return take_record(*record);
    note(record.error().message());
    // One line more or less is one finding, not one for each line behind it.
    const auto seen = format::parse_audit_record(line.text);
    if (seen) next_.seq = seen->seq;
    next_.skip(line);
    return {};
  }

  Status take_record(const Record& record) {
    ++report_.records;
    if (std::ranges::find(kAdmissions, record.event) != kAdmissions.end()) {
      report_.admissions.push_back({.seq = record.seq,
                                    .event = record.event,
                                    .count = record.count,
                                    .message = record.message});
    }
    if (record.event == events::kCheckpoint && record.mac) take_checkpoint(record);
    return {};
  }

  void take_checkpoint(const Record& checkpoint) {
    report_.checkpoints.push_back({.record = checkpoint, .segment = segment_->path, .line = line_});
    if (checkpoint.kek_version < newest_kek_) {
      note("a checkpoint of KEK version " + std::to_string(checkpoint.kek_version) +
           " behind one of version " + std::to_string(newest_kek_));
    }
    newest_kek_ = std::max(newest_kek_, checkpoint.kek_version);
  }

  void note(std::string what) {
    if (report_.findings.size() >= VerifyReport::kMaxFindings) return;
    report_.findings.push_back(
        {.segment = segment_->path, .line = line_, .seq = next_.seq, .what = std::move(what)});
  }

  VerifyReport report_;
  Link next_;
  const Segment* segment_ = nullptr;
  std::uint64_t line_ = 0;
  std::uint32_t newest_kek_ = 0;
  std::optional<Error> newer_;
};

}  // namespace

Result<VerifyReport> verify_log(io::FileSystem& files, const std::string& directory) {
  KEYHOLD_TRY_ASSIGN(const auto segments, list_segments(files, directory));
  if (segments.empty()) return fail(Code::not_found, "there is no audit log in " + directory);
  Verifier verifier;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto text = read_segment(files, segments[i]);
    if (text) {
      KEYHOLD_TRY(verifier.take_segment(segments[i], as_text(*text), i + 1 == segments.size()));
    } else if (text.error().code() == Code::integrity) {
      KEYHOLD_TRY(verifier.take_damaged(segments[i], text.error()));
    } else {
      return fail(text.error());
    }
  }
  return std::move(verifier).finish();
}

Status check_checkpoints(VerifyReport& report, const Signer& signer) {
  const auto note = [&](const FoundCheckpoint& found, std::string what) {
    if (report.findings.size() >= VerifyReport::kMaxFindings) return;
    report.findings.push_back({.segment = found.segment,
                               .line = found.line,
                               .seq = found.record.seq,
                               .what = std::move(what)});
  };
  for (const FoundCheckpoint& found : report.checkpoints) {
    KEYHOLD_TRY_ASSIGN(const CheckpointState state, check_checkpoint(found.record, signer));
    switch (state) {
      case CheckpointState::good:
        ++report.good_checkpoints;
        report.signed_up_to = found.record.seq;
        break;
      case CheckpointState::older_kek:
        ++report.older_checkpoints;
        break;
      case CheckpointState::bad:
        note(found, "the checkpoint was not made by this store's host");
    }
  }
  if (report.older_checkpoints > 0 && report.good_checkpoints == 0) {
    note(report.checkpoints.back(), "no checkpoint is of the KEK that is in force");
  }
  report.checked = true;
  return {};
}

}  // namespace keyhold::audit
