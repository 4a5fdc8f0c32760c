// Where a command's result, its warnings and its failure go.
//
// Results: standard output, as text or (--json) as one JSON document. Warnings and failures:
// standard error, as "keyhold: …" or (--json) one JSON object a line: {"log": {"level",
// "message"}},
// {"error": {"code", "message", "hint"}}. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/json.h"

namespace keyhold::cli {

class Progress;

class Output {
 public:
  explicit Output(bool json);
  ~Output();

  [[nodiscard]] bool json() const { return json_; }

  // The result, in the form that was asked for. `text` ends with a line feed or is empty.
  Status result(const Json& json, std::string_view text);
  // The same where a library has written the JSON already.
  Status document(std::string_view json, std::string_view text);
  // Bytes as they are. Code::io where standard output is closed or full.
  Status raw(std::string_view bytes);
  // Whoever read standard output has had enough (EPIPE): no reason to complain.
  [[nodiscard]] bool reader_left() const { return reader_left_; }

  // An event of the log; {"log": {"level", "message"}}.
  void event(log::Level level, std::string_view message);
  void failure(const Error& error, std::string_view hint);

  // A bar on standard error while it lives; draws nothing unless that is a terminal and the
  // settings allow it. One at a time.
  std::unique_ptr<Progress> progress(std::string label, std::uint64_t total_bytes);
  void set_progress_wanted(bool wanted) { progress_wanted_ = wanted; }

 private:
  friend class Progress;
  struct Screen;  // what is drawn on standard error at present

  const bool json_;
  std::atomic<bool> reader_left_{false};
  bool progress_wanted_ = true;
  std::unique_ptr<Screen> screen_;
};

// Thread-safe. The destructor removes the bar.
class Progress {
 public:
  Progress(Output& output, std::string label, std::uint64_t total_bytes, bool drawn);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::uint64_t bytes);

 private:
  struct State;
  Output& output_;
  std::unique_ptr<State> state_;
};

// A bar of `width` columns at most: "verifying  [#######     ]  58%  1.21 GiB/s  0:03 left".
std::string progress_line(std::string_view label, std::uint64_t done, std::uint64_t total,
                          double seconds, std::size_t width, bool utf8);

}  // namespace keyhold::cli
