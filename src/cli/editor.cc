#include "cli/editor.h"

#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/settings.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

std::vector<std::string> editor_words() {
  std::string command = process_environment("VISUAL").value_or("");
  if (command.empty()) command = process_environment("EDITOR").value_or("");
  if (command.empty()) command = "vi";
  std::istringstream stream(command);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Result<int> run_and_wait(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), ::environ);
  if (error != 0) {
    return fail(Code::invalid_argument, "the editor " + words[0] + " cannot be started (" +
                                            std::generic_category().message(error) +
                                            "): set VISUAL or EDITOR");
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return fail_errno(errno, "waiting for the editor");
  }
  return status;
}

}  // namespace

Result<EditedText> EditedText::create(const std::string& text, const std::string& suffix) {
  const std::string directory = process_environment("TMPDIR").value_or("/tmp");
  std::string path = io::join_path(directory, "keyhold-XXXXXX" + suffix);
  const int descriptor = ::mkstemps(path.data(), static_cast<int>(suffix.size()));
  if (descriptor < 0) return fail_errno(errno, "making a file in " + directory);
  const auto written = ::write(descriptor, text.data(), text.size());
  const int error = errno;
  ::close(descriptor);
  const EditedText made(path);
  if (written == static_cast<ssize_t>(text.size())) return made;
  made.remove();
  return fail_errno(written < 0 ? error : ENOSPC, "writing " + path);
}

Status EditedText::edit() const {
  std::vector<std::string> words = editor_words();
  if (words.empty()) return fail(Code::invalid_argument, "VISUAL or EDITOR names no editor");
  words.push_back(path_);
  KEYHOLD_TRY_ASSIGN(const int status, run_and_wait(words));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Code::io, "the editor " + words[0] + " ended with a failure");
}

Result<std::string> EditedText::text(std::size_t limit_bytes) const {
  KEYHOLD_TRY_ASSIGN(const auto content,
                     io::read_file(io::posix_file_system(), path_, limit_bytes));
  return std::string(as_text(content));
}

void EditedText::remove() const {
  ::unlink(path_.c_str());
}

}  // namespace keyhold::cli
