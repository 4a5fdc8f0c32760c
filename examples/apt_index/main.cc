// apt_index: Debian's package index in RocksDB, plain or under a customer-managed key. See
// README.md.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "database.h"
#include "serve.h"

namespace {

using apt_index::Database;
using apt_index::PackageIndex;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::size_t kAnswerLimit = 5;

struct Call {
  std::string command;
  std::string db;
  std::string store;
  std::string progress;
  bool seal_handler = false;
  std::vector<std::string> arguments;
};

int usage() {
  std::fputs(
      "usage: apt_index load|verify --db DIR [--store DIR] FILE\n"
      "       apt_index query --db DIR [--store DIR] package|section|depends NAME\n"
      "       apt_index serve --db DIR --store DIR --progress FILE [--seal-handler]\n"
      "FILE is what `apt-cache dumpavail` prints. With --store, the database lies in that Keyhold "
      "store.\n",
      stderr);
  return kUsage;
}

std::string* value_of(const std::string& option, Call& call) {
  if (option == "--db") return &call.db;
  if (option == "--store") return &call.store;
  if (option == "--progress") return &call.progress;
  return nullptr;
}

bool parse(int argc, char** argv, Call& call) {
  if (argc < 2) return false;
  call.command = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    std::string* value = value_of(word, call);
    if (value != nullptr && i + 1 < argc) {
      *value = argv[++i];
    } else if (word == "--seal-handler") {
      call.seal_handler = true;
    } else {
      call.arguments.push_back(word);
    }
  }
  return !call.db.empty();
}

int finish(const rocksdb::Status& status) {
  if (status.ok()) return EXIT_SUCCESS;
  std::fprintf(stderr, "apt_index: %s\n", status.ToString().c_str());
  return kFailed;
}

int run_on_index(const Call& call, Database& database) {
  std::ifstream input(call.arguments[0]);
  if (!input) {
    std::fprintf(stderr, "apt_index: cannot read %s\n", call.arguments[0].c_str());
    return kFailed;
  }
  const PackageIndex index = apt_index::read_package_index(input);
  std::uint64_t numbered = 0;
  const rocksdb::Status status = call.command == "load" ? database.load(index.entries)
                                                        : database.verify(index.entries, numbered);
  if (status.ok()) {
    std::printf("%zu records (%zu bytes), %zu keys %s\n", index.records, index.text_bytes,
                index.entries.size(),
                call.command == "load" ? "loaded" : "verified against the input");
    if (numbered > 0)
      std::printf("numbered records: 1 to %llu, all there\n",
                  static_cast<unsigned long long>(numbered));
  }
  return finish(status);
}

int run_query(const Call& call, Database& database) {
  std::string answer;
  const rocksdb::Status status =
      database.query(call.arguments[0], call.arguments[1], kAnswerLimit, answer);
  std::fputs(answer.c_str(), stdout);
  return finish(status);
}

}  // namespace

int main(int argc, char** argv) {
  Call call;
  if (!parse(argc, argv, call)) return usage();
  if (call.command == "serve" && !call.store.empty() && !call.progress.empty())
    return apt_index::serve({call.db, call.store, call.progress, call.seal_handler});
  const bool on_index =
      (call.command == "load" || call.command == "verify") && call.arguments.size() == 1;
  const bool is_query = call.command == "query" && call.arguments.size() == 2;
  if (!on_index && !is_query) return usage();

  std::unique_ptr<Database> database;
  if (const rocksdb::Status status = Database::open(call.db, call.store, database); !status.ok())
    return finish(status);
  return on_index ? run_on_index(call, *database) : run_query(call, *database);
}
