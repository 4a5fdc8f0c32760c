#include "cli/output.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <mutex>

#include <fmt/core.h>
#include <unistd.h>

#include "cli/screen.h"
#include "cli/terminal.h"
#include "cli/text_table.h"

namespace keyhold::cli {

Output::Output(bool json) : json_(json), screen_(std::make_unique<Screen>()) {}
Output::~Output() = default;

Status Output::raw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    reader_left_ = written < 0 && errno == EPIPE;
    if (written <= 0) {
      return fail_errno(written < 0 ? errno : EIO, "cannot write to standard output");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status Output::document(std::string_view json, std::string_view text) {
  return json_ ? raw(std::string(json) + "\n") : raw(text);
}

Status Output::result(const Json& json, std::string_view text) {
  return json_ ? document(json.dump(), "") : raw(text);
}

void Output::event(log::Level level, std::string_view message) {
  constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};
  const auto name = kNames.at(static_cast<std::size_t>(level));
  Json json = Json::object();
  json.set("level", name).set("message", message);
  screen_->report(json_ ? Json::object().set("log", json).dump(true)
                        : fmt::format("keyhold: {}: {}", name, printable(std::string(message))));
}

void Output::failure(const Error& error, std::string_view hint) {
  if (json_) {
    Json inner = Json::object();
    inner.set("code", code_name(error.code())).set("message", error.message());
    inner.set("hint", hint.empty() ? Json() : Json(hint));
    screen_->say(Json::object().set("error", inner).dump(true));
    return;
  }
  screen_->say("keyhold: " + printable(error.message()));
  if (!hint.empty()) screen_->say(fmt::format("  {}", hint));
}

std::unique_ptr<Progress> Output::progress(std::string label, std::uint64_t total_bytes) {
  const bool drawn = progress_wanted_ && !json_ && is_terminal(STDERR_FILENO);
  return std::make_unique<Progress>(*this, std::move(label), total_bytes, drawn);
}

}  // namespace keyhold::cli
