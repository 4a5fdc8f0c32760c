// lease_document [--write] FILE: whether the part of FILE between the two markers is what the
// lease's table says; --write makes it so.
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "control/lease_table.h"

namespace keyhold::control {
namespace {

constexpr std::string_view kBegin = "<!-- from src/control/lease_table.h by lease_document -->\n";
constexpr std::string_view kEnd = "<!-- end of lease_document's part -->\n";

constexpr LeasePhase kPhases[] = {LeasePhase::sealed, LeasePhase::unsealing, LeasePhase::serving,
                                  LeasePhase::degraded, LeasePhase::sealing};

std::string joined(const std::vector<std::string_view>& words, std::string_view between) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += between;
    text += word;
  }
  return text;
}

// The kinds of event that may lead from one phase to another.
std::vector<std::string_view> events_between(LeasePhase from, LeasePhase to) {
  std::vector<std::string_view> events;
  for (const LeaseCell& cell : kLeaseTable) {
    if (cell.phase == from && cell.leads_to.contains(to)) events.push_back(name_of(cell.event));
  }
  return events;
}

std::string diagram() {
  std::string text = "```mermaid\nstateDiagram-v2\n    [*] --> sealed\n    [*] --> serving\n";
  for (const LeasePhase from : kPhases) {
    for (const LeasePhase to : kPhases) {
      const auto events = events_between(from, to);
      if (from == to || events.empty()) continue;
      text += "    " + std::string(name_of(from)) + " --> " + std::string(name_of(to)) + ": " +
              joined(events, ", ") + "\n";
    }
  }
  return text + "```\n";
}

std::string cell_text(const LeaseCell& cell) {
  std::vector<std::string_view> phases;
  for (const LeasePhase to : kPhases) {
    if (cell.leads_to.contains(to)) phases.push_back(to == cell.phase ? "stays" : name_of(to));
  }
  return joined(phases, ", ");
}

std::string table() {
  std::string text = "| event in |";
  for (const LeasePhase phase : kPhases) text += " " + std::string(name_of(phase)) + " |";
  text += "\n|---|---|---|---|---|---|\n";
  for (std::size_t kind = 0; kind < kLeaseEventKinds; ++kind) {
    text += "| " + std::string(name_of(static_cast<EventKind>(kind))) + " |";
    for (const LeasePhase phase : kPhases) {
      text += " " + cell_text(cell_of(phase, static_cast<EventKind>(kind))) + " |";
    }
    text += "\n";
  }
  return text;
}

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

int check_or_write(const char* path, bool write) {
  const std::string document = read_file(path);
  const std::size_t begin = document.find(kBegin);
  const std::size_t end = document.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    std::fprintf(stderr, "%s: the markers are missing\n", path);
    return 1;
  }
  const std::size_t inner = begin + kBegin.size();
  const std::string wanted = "\n" + diagram() + "\n" + table() + "\n";
  if (document.substr(inner, end - inner) == wanted) return 0;
  if (!write) {
    std::fprintf(stderr, "%s differs from the table; lease_document --write %s mends it\n", path,
                 path);
    return 1;
  }
  std::ofstream(path, std::ios::binary)
      << document.substr(0, inner) << wanted << document.substr(end);
  return 0;
}

}  // namespace
}  // namespace keyhold::control

int main(int argc, char** argv) {
  const bool write = argc == 3 && std::string_view(argv[1]) == "--write";
  if (argc == 2 || write) return keyhold::control::check_or_write(argv[argc - 1], write);
  std::fputs("usage: lease_document [--write] FILE\n", stderr);
  return 2;
}
