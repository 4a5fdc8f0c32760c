// The files of a log, and the chain through their lines.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/events.h"
#include "base/error.h"
#include "io/file_system.h"

namespace keyhold::audit {

struct Segment {
  std::uint64_t first_seq;  // as its name says
  std::string path;
};

// In their order; none where there is no such directory.
Result<std::vector<Segment>> list_segments(io::FileSystem& files, const std::string& directory);

// Code::integrity where it is larger than a segment can be.
Result<ByteVector> read_segment(io::FileSystem& files, const Segment& segment);

// One line of a segment, without its line feed.
struct Line {
  std::string_view text;
  bool ended = true;  // false: the file ends without a line feed
};

// Calls `take` for each, until it returns false. An empty rest behind the last line feed is none.
void for_each_line(std::string_view segment, const std::function<bool(const Line&)>& take);

// Where a chain stands: what the next line must say.
struct Link {
  std::uint64_t seq = 1;
  crypto::Mac prev{};

  // The record of the line where it is whole and the next one; Code::integrity says what is wrong.
  Result<Record> follow(const Line& line);
  // Goes on behind a line whatever it is, so that one damaged line is one finding.
  void skip(const Line& line);
};

}  // namespace keyhold::audit
