// Makes a golden store: make_golden DIR writes DIR/kms (the customer's), DIR/store and
// DIR/manifest.json. Run once for every released format, by hand; what it made is committed and
// never made again (README.md).
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "crypto/instance.h"
#include "crypto/kdf.h"
#include "golden_kms.h"
#include "host/initialise.h"
#include "kms/local/admin.h"
#include "store/store.h"

namespace keyhold::golden {
namespace {

using nlohmann::json;
using store::Layout;

[[noreturn]] void stop(const std::string& what) {
  std::cerr << "make_golden: " << what << "\n";
  std::exit(1);
}

template <typename T>
T must(Result<T> result) {
  if (!result) stop(result.error().message());
  return std::move(*result);
}
void must(const Status& status) {
  if (!status) stop(status.error().message());
}

ByteVector text_of(std::size_t size, std::uint32_t seed) {
  static constexpr std::array kWords = {"orders ", "ledger ", "shipment ", "customer ",
                                        "invoice\n"};
  std::string text;
  while (text.size() < size) {
    seed = seed * 1664525U + 1013904223U;
    text += kWords.at((seed >> 24U) % kWords.size());
  }
  text.resize(size);
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

// Writes files and remembers what each of them holds.
class Engine {
 public:
  Engine(host::Host& host, std::string root)
      : root_(std::move(root)),
        store_(io::posix_file_system(), host, crypto::system_random(), root_) {}

  [[nodiscard]] std::string path_of(const std::string& name) const { return root_ + "/" + name; }
  std::unique_ptr<store::AppendFile> create(const std::string& name, Layout layout) {
    contents_[name].clear();
    return must(store_.create(path_of(name), layout));
  }
  std::unique_ptr<store::AppendFile> reopen(const std::string& name) {
    return must(store_.reopen(path_of(name)));
  }
  std::unique_ptr<store::AppendFile> recycle(const std::string& old, const std::string& name) {
    contents_.erase(old);
    contents_[name].clear();
    return must(store_.recycle(path_of(old), path_of(name)));
  }
  void append(const std::string& name, store::AppendFile& file, std::size_t size) {
    const ByteVector piece = text_of(size, ++seed_);
    must(file.append(piece));
    ByteVector& content = contents_[name];
    content.insert(content.end(), piece.begin(), piece.end());
  }
  void write(const std::string& name, Layout layout, std::initializer_list<std::size_t> pieces) {
    const auto file = create(name, layout);
    for (const std::size_t size : pieces) append(name, *file, size);
    finish(*file);
  }
  static void finish(store::AppendFile& file) {
    must(file.sync(true));
    must(file.close());
  }

  json manifest() {
    json files = json::array();
    for (const auto& [name, content] : contents_) {
      const store::FileDescription file = must(store_.describe(path_of(name)));
      files.push_back({{"name", name},
                       {"layout", file.layout == Layout::table ? "table" : "log"},
                       {"file_id", file.file_id.hex()},
                       {"generation", number(file.generation)},
                       {"sequence", file.header_sequence},
                       {"closed", file.closed},
                       {"size", content.size()},
                       {"sha256", to_hex(crypto::sha256(content))}});
    }
    return files;
  }

 private:
  const std::string root_;
  store::Store store_;
  std::map<std::string, ByteVector> contents_;
  std::uint32_t seed_ = 0;
};

void write_generation_one(Engine& engine) {
  engine.write("db/000008.sst", Layout::table, {20'000});
  engine.write("db/000009.sst", Layout::table, {});
  engine.write("db/IDENTITY", Layout::log, {36});
  engine.write("db/000004.log", Layout::log, {500, 500, 500, 500, 500, 500, 500, 500});
  const auto file = engine.create("db/MANIFEST-000005", Layout::log);
  engine.append("db/MANIFEST-000005", *file, 300);
  Engine::finish(*file);
}

void write_generation_two(Engine& engine) {
  engine.write("db/000011.sst", Layout::table, {4079, 1, 4080});
  auto file = engine.create("db/000012.sst", Layout::table);  // the machine is cloned meanwhile
  engine.append("db/000012.sst", *file, 5000);
  crypto::notify_cloned();
  engine.append("db/000012.sst", *file, 5000);
  Engine::finish(*file);

  engine.write("db/CURRENT", Layout::log, {16});
  engine.write("db/LOG", Layout::log, {});
  for (int opening = 0; opening < 2; ++opening) {  // a header of the first generation
    file = engine.reopen("db/MANIFEST-000005");
    engine.append("db/MANIFEST-000005", *file, 200);
    Engine::finish(*file);
  }
  file = engine.recycle("db/000004.log", "db/000010.log");
  engine.append("db/000010.log", *file, 700);
  engine.append("db/000010.log", *file, 9000);
  Engine::finish(*file);
}

// Nobody closes it, and its last frame is torn.
void write_crashed_log(Engine& engine) {
  const std::string name = "db/000013.log";
  {
    const auto file = engine.create(name, Layout::log);
    for (int i = 0; i < 3; ++i) {
      engine.append(name, *file, 600);
      must(file->sync(false));
    }
    must(file->append(text_of(600, 99)));
  }
  const std::string path = engine.path_of(name);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
}

// What holds only as long as a process runs.
void remove_locks(const std::string& directory) {
  for (const char* name : {"kms/lock", "kms/gate", "kms/access.log.lock", "store/.keyhold/lock"}) {
    std::filesystem::remove(directory + "/" + name);
  }
}

void make(const std::string& directory) {
  const std::string kms_directory = directory + "/kms";
  const std::string root = directory + "/store";
  std::filesystem::create_directories(directory);
  auto kms = must(kms::LocalKms::init(kms_directory));
  must(kms.create_key("orders"));
  const keyring::Environment machine{io::posix_file_system(), system_clock(),
                                     crypto::system_random()};
  const host::StorePlan plan{.identity = {.org = OrgId("acme"),
                                          .cluster = ClusterId("orders"),
                                          .region = RegionName("us-east-1"),
                                          .node = NodeId("n1")},
                             .key = golden_key(),
                             // Never due: a golden store is read for years.
                             .rotation = {.age = std::chrono::seconds(0), .bytes = 0},
                             .anchor_path = {}};
  must(host::initialise_store(machine, root, plan, clients_of(kms_directory)));
  json manifest;
  {
    const auto host = must(host::Host::open(machine, root, host_options(kms_directory)));
    Engine engine(*host, root);
    std::filesystem::create_directory(root + "/db");
    std::ofstream(root + "/db/LOCK").flush();
    write_generation_one(engine);
    must(host->rotate_dek());
    must(kms.rotate("orders"));
    must(host->rewrap());
    must(host->rotate_kek());
    write_generation_two(engine);
    write_crashed_log(engine);
    manifest = {{"store_id", host->store_id().hex()}, {"files", engine.manifest()}};
  }
  remove_locks(directory);
  std::ofstream(directory + "/manifest.json") << manifest.dump(1) << "\n";
}

}  // namespace
}  // namespace keyhold::golden

int main(int argc, char** argv) {
  if (argc != 2) keyhold::golden::stop("one argument, an absolute path that does not exist");
  keyhold::golden::make(argv[1]);
}
