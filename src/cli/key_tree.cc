#include "cli/key_tree.h"

#include <fmt/core.h>

#include "cli/text_table.h"
#include "cli/units.h"

namespace keyhold::cli {
namespace {

std::string_view state_text(kms::KeyState state) {
  switch (state) {
    case kms::KeyState::enabled:
      return "enabled";
    case kms::KeyState::disabled:
      return "disabled";
    case kms::KeyState::pending_deletion:
      return "pending deletion";
  }
  return "unknown";
}

std::string answer_text(const host::KmsAnswer& answer) {
  if (answer.error) {
    const auto fault = answer.error->fault();
    const std::string_view kind = kms::is_denial(fault)   ? "DENIED"
                                  : kms::is_outage(fault) ? "NO ANSWER"
                                                          : "FAILED";
    return fmt::format("{}: {}", kind, answer.error->message());
  }
  if (!answer.key) return "unwraps the KEK";
  std::string text = fmt::format("{}, version {} wraps", state_text(answer.key->state),
                                 answer.key->primary_version.str());
  if (answer.key->deletion_date) text += ", deleted on " + format_time(*answer.key->deletion_date);
  return text;
}

std::string lockbox_lines(const host::StoreStatus& status) {
  std::string text;
  for (const keyring::Lockbox& lockbox : status.keyring.contents.lockboxes) {
    text +=
        fmt::format("CMEK {} {}", kms::key_type_name(lockbox.spec.type), lockbox.spec.uri.str());
    if (!lockbox.spec.auth_principal.empty()) text += " as " + lockbox.spec.auth_principal.str();
    for (const host::KmsAnswer& answer : status.kms) {
      if (answer.spec == lockbox.spec) text += "  [" + answer_text(answer) + "]";
    }
    text += "\n";
  }
  return text;
}

std::string wrapped_by(const keyring::Contents& contents) {
  std::string versions;
  for (const keyring::Lockbox& lockbox : contents.lockboxes) {
    versions += (versions.empty() ? "" : " and ") + lockbox.kms_key_version.str();
  }
  return fmt::format("wrapped by version {} of the CMEK", versions);
}

std::string generation_text(const keyring::GenerationInfo& info, bool current, WallTime now) {
  return fmt::format("DEK generation {}  made {}, {} written{}", number(info.generation),
                     format_distance(info.created, now), format_bytes(info.sealed_bytes),
                     current ? "  <- new files" : "");
}

}  // namespace

std::string key_tree(const host::StoreStatus& status, WallTime now, bool utf8) {
  const keyring::Contents& contents = status.keyring.contents;
  const std::string branch = utf8 ? "├── " : "|-- ";
  const std::string last_branch = utf8 ? "└── " : "`-- ";
  std::string text = lockbox_lines(status);
  text += fmt::format("{}KEK version {}  made {}, {}\n", last_branch, contents.kek_version,
                      format_distance(contents.kek_created, now), wrapped_by(contents));
  for (const keyring::GenerationInfo& info : contents.generations) {
    const bool last = &info == &contents.generations.back();
    text +=
        fmt::format("    {}{}\n", last ? last_branch : branch, generation_text(info, last, now));
  }
  return printable_lines(text);
}

}  // namespace keyhold::cli
