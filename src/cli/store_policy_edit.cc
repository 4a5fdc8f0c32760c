#include <cstdio>

#include <unistd.h>

#include "cli/editor.h"
#include "cli/store_access.h"
#include "cli/store_policy.h"
#include "cli/terminal.h"

namespace keyhold::cli {
namespace {

bool wants_to_go_on() {
  if (!is_terminal(STDIN_FILENO) || !is_terminal(STDERR_FILENO)) return false;
  std::fputs("Edit it again? [Y/n] ", stderr);
  const int answer = std::getchar();
  for (int rest = answer; rest != '\n' && rest != EOF;) rest = std::getchar();
  return answer != 'n' && answer != 'N' && answer != EOF;
}

// Until it is a policy, or the user has had enough: then their text stays where it is.
Result<std::string> edit_until_good(Session& session, const EditedText& file) {
  for (;;) {
    if (const Status edited = file.edit(); !edited) {
      file.remove();
      return fail(edited.error());
    }
    KEYHOLD_TRY_ASSIGN(std::string text, file.text(format::kMaxPolicySizeBytes));
    const auto policy = format::parse_policy(as_bytes(text), "policy.toml");
    if (policy) return text;
    session.output.event(log::Level::warning, policy.error().message());
    if (!wants_to_go_on()) {
      return fail(Code::invalid_argument,
                  "the policy was not changed; your text is in " + file.path());
    }
  }
}

// Nobody holds the keys for as long as the user thinks.
Result<host::LoadedPolicy> present_policy(Session& session, const std::string& store) {
  KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, store));
  KEYHOLD_TRY_ASSIGN(host::LoadedPolicy current, keys->policy());
  if (current.state == host::PolicyState::tampered) return fail(Code::integrity, current.problem);
  return current;
}

Status take(Session& session, const std::string& store, const host::LoadedPolicy& current,
            const std::string& text) {
  KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, store));
  return change_policy(session, *keys, current, text);
}

Status edit(Session& session, const std::string& store) {
  KEYHOLD_TRY_ASSIGN(const host::LoadedPolicy current, present_policy(session, store));
  const std::string before = current.state == host::PolicyState::set
                                 ? current.text
                                 : format::serialize_policy(current.policy);
  KEYHOLD_TRY_ASSIGN(const EditedText file, EditedText::create(before, ".toml"));
  KEYHOLD_TRY_ASSIGN(const std::string after, edit_until_good(session, file));
  if (after != before) {
    if (const Status taken = take(session, store, current, after); !taken) {
      return fail(taken.error().within("your text is in " + file.path()));
    }
    file.remove();
    return {};
  }
  file.remove();
  return session.output.result(Json::object().set("version", current.version),
                               "nothing was changed\n");
}

}  // namespace

Command store_policy_edit_command() {
  const auto store = std::make_shared<std::string>();
  Command command;
  command.name = "edit";
  command.summary = "Change the policy in an editor";
  command.paragraphs = {
      "Opens a copy in $VISUAL, else $EDITOR, else vi, checks it, and asks again where it is no "
      "policy. Comments are kept. Nothing changes before the file is good and the key ring pins "
      "it."};
  command.arguments = {directory(*store, "the store")};
  command.examples = {{"EDITOR=nano keyhold store policy edit /srv/store", ""}};
  command.json = {{"version", "of the policy now"},
                  {"changes[]", "\"KEY OLD → NEW\"; only where something changed"},
                  {"denial_bound_ms", "likewise"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [store](Session& session) { return edit(session, *store); };
  return command;
}

}  // namespace keyhold::cli
