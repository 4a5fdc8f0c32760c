// What the second decoder is compared with.
//
//   decoder_files write DIR    files of every shape, DIR/keys.json with their DEKs, and
//                              DIR/facts.json with what they hold
//   decoder_files judge DIR    reads every file in DIR; a line of JSON for each says how it ended
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "crypto/instance.h"
#include "crypto/kdf.h"
#include "io/fault_file_system.h"
#include "store/store.h"
#include "store/test_key_source.h"

namespace keyhold {
namespace {

using nlohmann::json;
using store::Layout;

[[noreturn]] void stop(const std::string& what) {
  std::cerr << "decoder_files: " << what << "\n";
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

ByteVector content_of(std::size_t size, std::uint32_t seed) {
  ByteVector bytes(size);
  for (std::uint8_t& byte : bytes) {
    seed = seed * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(seed >> 24U);
  }
  return bytes;
}

class Writer {
 public:
  explicit Writer(std::string directory) : directory_(std::move(directory)) {}

  void write_all() {
    tables();
    keys_.add_generation(Generation{2});
    tables_of_generation_two();
    logs();
    broken_logs();
    recycled_logs();
    save("facts.json", facts_);
    save("keys.json", {{"store_id", keys_.store_id().hex()}, {"deks", deks_}});
  }

 private:
  using File = std::unique_ptr<store::AppendFile>;

  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }

  void save(const std::string& name, const json& value) const {
    std::ofstream(path_of(name)) << value.dump(1) << "\n";
  }

  // Notes what the file `name` holds: all that was appended since begin().
  void note(const std::string& name) {
    const store::FileDescription description = must(store_.describe(path_of(name)));
    facts_.push_back({{"name", name},
                      {"layout", description.layout == Layout::table ? "table" : "log"},
                      {"file_id", description.file_id.hex()},
                      {"generation", number(description.generation)},
                      {"sequence", description.header_sequence},
                      {"closed", description.closed},
                      {"size", content_.size()},
                      {"sha256", to_hex(crypto::sha256(content_))}});
  }

  void append(store::AppendFile& file, std::size_t size) {
    const ByteVector piece = content_of(size, ++seed_);
    must(file.append(piece));
    content_.insert(content_.end(), piece.begin(), piece.end());
  }
  File begin(const std::string& name, Layout layout, store::AccessHints hints = {}) {
    content_.clear();
    return must(store_.create(path_of(name), layout, hints));
  }
  void finish(const std::string& name, store::AppendFile& file) {
    must(file.sync(true));
    must(file.close());
    note(name);
  }
  void table(const std::string& name, const std::vector<std::size_t>& pieces,
             store::AccessHints hints = {}) {
    const File file = begin(name, Layout::table, hints);
    for (const std::size_t size : pieces) append(*file, size);
    finish(name, *file);
  }

  void tables() {
    for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 4079, 4080, 4081, 4100,
                                                                     8159, 8160, 50'000, 300'000}) {
      table("table-" + std::to_string(size), {size});
    }
  }
  void tables_of_generation_two() {
    table("table-pieces", {1, 4078, 2, 5000, 10'000, 17});
    table("table-direct", {12'345}, {.direct = true});
    const File file = begin("table-cloned", Layout::table);
    append(*file, 10'000);
    crypto::notify_cloned();
    append(*file, 100);
    crypto::notify_cloned();  // twice before one chunk
    append(*file, 10'000);
    crypto::notify_cloned();
    append(*file, 10'000);
    finish("table-cloned", *file);
  }

  void logs() {
    finish("log-empty", *begin("log-empty", Layout::log));
    File file = begin("log-three", Layout::log);
    for (int i = 0; i < 3; ++i) {
      append(*file, 100);
      must(file->sync(false));
    }
    finish("log-three", *file);
    file = begin("log-large", Layout::log);
    for (const std::size_t size : std::initializer_list<std::size_t>{1, 8, 9, 8136, 8137, 100'000})
      append(*file, size);
    finish("log-large", *file);
    file = begin("log-cloned", Layout::log);
    append(*file, 500);
    crypto::notify_cloned();
    append(*file, 500);
    finish("log-cloned", *file);
    for (int opening = 0; opening < 3; ++opening) {
      if (opening == 0) content_.clear();
      file = opening == 0 ? must(store_.create(path_of("log-reopened"), Layout::log))
                          : must(store_.reopen(path_of("log-reopened")));
      append(*file, 700);
      must(file->sync(false));
      append(*file, 300);
      if (opening == 2) must(file->sync(false));
      must(file->close());
    }
    note("log-reopened");
  }

  // As crashes and full disks leave them.
  void broken_logs() {
    {
      const File file = begin("log-open", Layout::log);
      for (int i = 0; i < 5; ++i) {
        append(*file, 400);
        must(file->sync(false));
      }
    }
    note("log-open");
    {
      const File file = begin("log-torn", Layout::log);
      append(*file, 400);
      must(file->sync(false));
      must(file->append(content_of(400, 1)));
    }
    std::filesystem::resize_file(path_of("log-torn"),
                                 std::filesystem::file_size(path_of("log-torn")) - 33);
    note("log-torn");
    {
      const File file = begin("log-reserved", Layout::log);
      must(file->reserve(0, 20'000));
      append(*file, 400);
    }
    std::filesystem::resize_file(path_of("log-reserved"), 20'000);  // zeros behind the end
    note("log-reserved");
    failing_log("log-failed-write", 1);
    failing_log("log-failed-last-write", 0);
  }

  // A large append fails after half of it is on the disk; then `appends_after` small ones.
  void failing_log(const std::string& name, int appends_after) {
    store::Store failing(faulty_, keys_, crypto::system_random(), directory_);
    content_.clear();
    const File file = must(failing.create(path_of(name), Layout::log));
    append(*file, 400);
    must(file->sync(false));
    faulty_.set_fault({.at = 1, .effect = io::Fault::Effect::prefix});
    if (file->append(content_of(60'000, 7))) stop("the fault did not fire");
    faulty_.set_fault({});
    for (int i = 0; i < appends_after; ++i) append(*file, 50);
    finish(name, *file);
  }

  void recycled_logs() {
    for (const bool closed : {true, false}) {
      const std::string name = closed ? "log-recycled" : "log-recycled-open";
      {
        File file = begin("old", Layout::log);
        for (int i = 0; i < 40; ++i) append(*file, 333);
        must(file->close());
        content_.clear();
        keys_.add_generation(
            Generation{closed ? 3U : 4U});  // the header's other slot has the old one
        file = must(store_.recycle(path_of("old"), path_of(name)));
        append(*file, 333);
        must(file->sync(false));
        append(*file, 1000);
        if (closed) finish(name, *file);
      }
      if (!closed) note(name);
    }
  }

  const std::string directory_;
  // As TestKeySource makes them of its seed 1.
  json deks_ = [] {
    json deks = json::object();
    for (std::uint32_t generation = 1; generation <= 4; ++generation) {
      ByteVector dek(32);
      for (std::size_t i = 0; i < dek.size(); ++i) {
        dek[i] = static_cast<std::uint8_t>(101 + generation * 31 + i);
      }
      deks[std::to_string(generation)] = to_hex(dek);
    }
    return deks;
  }();
  json facts_ = json::array();
  ByteVector content_;
  std::uint32_t seed_ = 0;
  store::TestKeySource keys_;
  io::FaultFileSystem faulty_{io::posix_file_system()};
  store::Store store_{io::posix_file_system(), keys_, crypto::system_random(), directory_};
};

// Everything that can be read, and how it ended.
json judge_file(store::Store& store, const std::string& path) {
  ByteVector content;
  const auto verdict = [&](const Error* error) {
    return json{{"name", path.substr(path.rfind('/') + 1)},
                {"verdict", error == nullptr ? "ok" : std::string(code_name(error->code()))},
                {"size", content.size()},
                {"sha256", to_hex(crypto::sha256(content))}};
  };
  const auto file = store.open_sequential(path);
  if (!file) return verdict(&file.error());
  for (;;) {
    ByteVector piece(5000);
    const auto count = (*file)->read(piece);
    if (!count) return verdict(&count.error());
    if (*count == 0) return verdict(nullptr);
    content.insert(content.end(), piece.begin(),
                   piece.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

void judge_all(const std::string& directory) {
  store::TestKeySource keys;
  for (const std::uint32_t generation : {2U, 3U, 4U}) keys.add_generation(Generation{generation});
  store::Store store(io::posix_file_system(), keys, crypto::system_random(), directory);
  for (const std::string& name : must(io::posix_file_system().list(directory))) {
    std::cout << judge_file(store, io::join_path(directory, name)).dump() << "\n";
  }
}

}  // namespace
}  // namespace keyhold

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "write") {
    keyhold::Writer(words[1]).write_all();
  } else if (words.size() == 2 && words[0] == "judge") {
    keyhold::judge_all(words[1]);
  } else {
    keyhold::stop("see the head of decoder_files.cc");
  }
}
