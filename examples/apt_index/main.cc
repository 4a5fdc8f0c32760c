// apt_index: Debian's package index in RocksDB, plain or under a customer-managed key. See
// README.md.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "database.h"

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
  std::vector<std::string> arguments;
};

int usage() {
  std::fputs(
      "usage: apt_index load|verify --db DIR [--store DIR] FILE\n"
      "       apt_index query --db DIR [--store DIR] package|section|depends NAME\n"
      "FILE is what `apt-cache dumpavail` prints. With --store, the database lies in that Keyhold "
      "store.\n",
      stderr);
  return kUsage;
}

bool parse(int argc, char** argv, Call& call) {
  if (argc < 2) return false;
  call.command = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if ((word == "--db" || word == "--store") && i + 1 < argc) {
      (word == "--db" ? call.db : call.store) = argv[++i];
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
  const rocksdb::Status status =
      call.command == "load" ? database.load(index.entries) : database.verify(index.entries);
  if (status.ok()) {
    std::printf("%zu records (%zu bytes), %zu keys %s\n", index.records, index.text_bytes,
                index.entries.size(),
                call.command == "load" ? "loaded" : "verified against the input");
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
  const bool on_index =
      (call.command == "load" || call.command == "verify") && call.arguments.size() == 1;
  const bool is_query = call.command == "query" && call.arguments.size() == 2;
  if (!on_index && !is_query) return usage();

  std::unique_ptr<Database> database;
  if (const rocksdb::Status status = Database::open(call.db, call.store, database); !status.ok())
    return finish(status);
  return on_index ? run_on_index(call, *database) : run_query(call, *database);
}
