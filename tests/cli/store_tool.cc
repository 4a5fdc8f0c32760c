// What the scripts need beside `keyhold`: an engine that writes files into a store, and a host that
// stays.
//
//   store_tool write STORE NAME table|log    standard input becomes the file
//   store_tool crash STORE NAME log          the same, but the log is synced and never closed
//   store_tool unsynced STORE NAME log       the same, a frame a line, but closed and never synced
//   store_tool grow STORE READY RELEASE      as hold, with a table STORE/growing under its pen
//   store_tool hold STORE READY RELEASE      is the host until something is written into the named
//                                            pipe RELEASE; tells READY "serving", then "gone"
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "crypto/random.h"
#include "host/attach.h"
#include "io/file_system.h"
#include "store/store.h"

namespace keyhold {
namespace {

host::Environment machine() {
  return {io::posix_file_system(), system_clock(), crypto::system_random()};
}

Status write(const std::string& root, const std::string& name, store::Layout layout, bool close) {
  const std::string content{std::istreambuf_iterator<char>(std::cin), {}};
  KEYHOLD_TRY_ASSIGN(const auto keys, host::attach(machine(), root));
  store::Store store(io::posix_file_system(), *keys, crypto::system_random(), root);
  KEYHOLD_TRY_ASSIGN(const auto file, store.create(io::join_path(root, name), layout));
  KEYHOLD_TRY(file->append(as_bytes(content)));
  KEYHOLD_TRY(file->sync(true));
  if (!close) ::_exit(0);
  return file->close();
}

Status write_unsynced(const std::string& root, const std::string& name) {
  KEYHOLD_TRY_ASSIGN(const auto keys, host::attach(machine(), root));
  store::Store store(io::posix_file_system(), *keys, crypto::system_random(), root);
  KEYHOLD_TRY_ASSIGN(const auto file, store.create(io::join_path(root, name), store::Layout::log));
  for (std::string line; std::getline(std::cin, line);) {
    KEYHOLD_TRY(file->append(as_bytes(line + "\n")));
  }
  return file->close();
}

// The first piece of a table; the rest is yet to come.
Result<std::unique_ptr<store::AppendFile>> begin_table(store::Store& store) {
  KEYHOLD_TRY_ASSIGN(auto file,
                     store.create(io::join_path(store.root(), "growing"), store::Layout::table));
  KEYHOLD_TRY(file->append(ByteVector(100'000)));
  KEYHOLD_TRY(file->flush());
  return file;
}

Status hold(const std::string& root, const std::string& ready, const std::string& release,
            bool grow) {
  {
    host::HostOptions options;
    options.program = "store_tool";
    KEYHOLD_TRY_ASSIGN(const auto host, host::Host::open(machine(), root, options));
    store::Store store(io::posix_file_system(), *host, crypto::system_random(), root);
    std::unique_ptr<store::AppendFile> file;
    if (grow) {
      KEYHOLD_TRY_ASSIGN(file, begin_table(store));
    }
    std::ofstream(ready) << "serving\n" << std::flush;
    std::string line;
    std::ifstream waiting(release);
    std::getline(waiting, line);
    if (file) KEYHOLD_TRY(file->close());
  }
  std::ofstream(ready) << "gone\n" << std::flush;
  return {};
}

Status run(const std::vector<std::string>& words) {
  if (words.size() == 4 && (words[0] == "write" || words[0] == "crash")) {
    const auto layout = words[3] == "table" ? store::Layout::table : store::Layout::log;
    return write(words[1], words[2], layout, words[0] == "write");
  }
  if (words.size() == 4 && words[0] == "unsynced") return write_unsynced(words[1], words[2]);
  if (words.size() == 4 && (words[0] == "hold" || words[0] == "grow")) {
    return hold(words[1], words[2], words[3], words[0] == "grow");
  }
  return fail(Code::invalid_argument, "see the head of store_tool.cc");
}

}  // namespace
}  // namespace keyhold

int main(int argc, char** argv) {
  const auto status = keyhold::run({argv + 1, argv + argc});
  if (status) return 0;
  std::cerr << "store_tool: " << status.error().message() << "\n";
  return keyhold::exit_status(status.error().code());
}
