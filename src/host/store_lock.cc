#include "host/store_lock.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace keyhold::host {
namespace {

constexpr std::size_t kMaxTextSizeBytes = 256;

// "PID PROGRAM\n"
std::string lock_text(const std::string& program) {
  std::string text = std::to_string(::getpid()) + " " + program;
  text.resize(std::min(text.size(), kMaxTextSizeBytes - 1));
  return text + "\n";
}

// The lock counts, not its text: a disk too full for the text keeps nobody from being the host.
void write_owner(io::FileSystem& files, const StoreLayout& layout, const std::string& program) {
  auto file = files.open(layout.lock, {.access = io::OpenOptions::Access::read_write});
  if (!file) return;
  const std::string text = lock_text(program);
  if ((*file)->write_at(0, as_bytes(text))) (void)(*file)->truncate(text.size());
}

// What a refused operator can do: be somebody else, or let the store be written to.
Error explain(const Error& error, const StoreLayout& layout) {
  struct stat root {};
  if (error.code() != Code::permission || ::stat(layout.root.c_str(), &root) != 0) return error;
  if (root.st_uid == ::geteuid()) {
    return {error.code(), error.message() + "; whoever uses a store writes its lock: make " +
                              layout.directory +
                              " writable, or remount its file system read-write"};
  }
  return {error.code(), error.message() + "; the store " + layout.root + " belongs to user " +
                            std::to_string(root.st_uid) + ", this process is of user " +
                            std::to_string(::geteuid()) +
                            ": run it as the store's owner, who must be able to write there"};
}

bool printable(char character) {
  return character >= ' ' && character <= '~';
}

}  // namespace

std::string describe(const std::optional<LockOwner>& owner) {
  if (!owner) return "another process";
  return "process " + std::to_string(owner->pid) + " (" + owner->program + ")";
}

std::optional<LockOwner> read_lock_owner(io::FileSystem& files, const StoreLayout& layout) {
  const auto bytes = io::read_file(files, layout.lock, kMaxTextSizeBytes);
  if (!bytes) return std::nullopt;
  const std::string_view text = as_text(*bytes);
  const std::string_view line = text.substr(0, text.find('\n'));
  LockOwner owner;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), owner.pid);
  if (error != std::errc{} || owner.pid <= 0 || end == line.data() + line.size() || *end != ' ') {
    return std::nullopt;
  }
  owner.program = std::string(end + 1, line.data() + line.size());
  if (!std::ranges::all_of(owner.program, printable)) return std::nullopt;
  return owner;
}

Result<std::unique_ptr<StoreLock>> StoreLock::take(io::FileSystem& files, const StoreLayout& layout,
                                                   const std::string& program) {
  const auto there = io::exists(files, layout.directory);
  if (!there) return fail(explain(there.error(), layout));
  if (!*there) {
    return fail(Code::not_found, "there is no store at " + layout.root + ": `keyhold store init " +
                                     layout.root + " …` makes one");
  }
  auto lock = files.lock(layout.lock);
  if (!lock && lock.error().code() == Code::busy) {
    return fail(Code::busy, "the store " + layout.root +
                                " already has a host: " + describe(read_lock_owner(files, layout)) +
                                "; use it through that one, or stop it first");
  }
  if (!lock) return fail(explain(lock.error(), layout));
  write_owner(files, layout, program);
  return std::unique_ptr<StoreLock>(new StoreLock(*std::move(lock)));
}

}  // namespace keyhold::host
