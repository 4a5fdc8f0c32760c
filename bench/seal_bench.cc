// Sealing in the file layer against the raw cipher: a table-like file on a disk that takes no time,
// and the library's own function on chunks of the same size, in turns in one run; between them our
// back end, which calls that function. Prints the median ratios to the library for each back end;
// exits with 1 where the file layer's is below the target.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "crypto/aead.h"
#include "crypto/random.h"
#include "format/table.h"
#include "io/memory_file_system.h"
#include "raw_ciphers.h"
#include "store/store.h"
#include "store/test_key_source.h"

namespace {

using namespace keyhold;

constexpr std::size_t kBytesARun = std::size_t{256} << 20;
constexpr std::size_t kAppendBytes = std::size_t{1} << 20;  // RocksDB's own buffer size
constexpr int kRuns = 15;
constexpr double kTarget = 0.85;

// Takes writes and forgets them.
class NullFile final : public io::File {
 public:
  Result<std::size_t> read_at(std::uint64_t, MutableByteView) override { return 0; }
  Status write_at(std::uint64_t, ByteView) override { return {}; }
  Status sync_data() override { return {}; }
  Status sync_all() override { return {}; }
  Status sync_range(std::uint64_t, std::uint64_t, bool) override { return {}; }
  Status truncate(std::uint64_t) override { return {}; }
  Status reserve(std::uint64_t, std::uint64_t) override { return {}; }
  Result<io::FileInfo> info() override { return io::FileInfo{}; }
  void advise(io::Advice, std::uint64_t, std::uint64_t) override {}
  Status close() override { return {}; }
};

// A memory file system whose files are null.
class NullFileSystem final : public io::FileSystem {
 public:
  NullFileSystem() {
    if (!names_.make_directory("/store", 0700)) std::abort();
  }
  Result<std::unique_ptr<io::File>> open(const std::string&, const io::OpenOptions&) override {
    return std::make_unique<NullFile>();
  }
  Result<io::FileInfo> info(const std::string& path) override { return names_.info(path); }
  Status rename(const std::string&, const std::string&) override { return {}; }
  Status link(const std::string&, const std::string&) override { return {}; }
  Status remove(const std::string&) override { return {}; }
  Status make_directory(const std::string& path, std::uint32_t mode) override {
    return names_.make_directory(path, mode);
  }
  Status remove_directory(const std::string&) override { return {}; }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return names_.list(path);
  }
  Status sync_directory(const std::string&) override { return {}; }
  Result<std::unique_ptr<io::FileLock>> lock(const std::string& path, bool shared) override {
    return names_.lock(path, shared);
  }
  Result<io::SpaceInfo> space(const std::string& path) override { return names_.space(path); }

 private:
  io::MemoryFileSystem names_;
};

double gigabytes_per_second(std::size_t bytes, std::chrono::duration<double> taken) {
  return static_cast<double>(bytes) / taken.count() / 1e9;
}

// Chunks as the file layer makes them, sealed one by one into a buffer that stays in the cache.
template <typename Seal>
double chunk_speed(Seal seal, ByteView plaintext, MutableByteView out) {
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t chunk = 0;
  std::size_t done = 0;
  while (done < kBytesARun) {
    for (std::size_t at = 0; at + format::kChunkPayloadBytes <= plaintext.size();
         at += format::kChunkPayloadBytes) {
      seal(format::counter_nonce(chunk), plaintext.subspan(at, format::kChunkPayloadBytes),
           out.subspan(chunk % 32 * format::kChunkSizeBytes, format::kChunkSizeBytes));
      ++chunk;
      done += format::kChunkPayloadBytes;
    }
  }
  return gigabytes_per_second(done, std::chrono::steady_clock::now() - start);
}

double library_speed(const bench::RawSeal& raw, ByteView plaintext, MutableByteView out) {
  return chunk_speed(
      [&](const crypto::Nonce& nonce, ByteView payload, MutableByteView target) {
        raw(nonce, payload, target.data(), target.data() + payload.size());
      },
      plaintext, out);
}

double backend_speed(const crypto::AeadKey& key, ByteView plaintext, MutableByteView out) {
  return chunk_speed(
      [&](const crypto::Nonce& nonce, ByteView payload, MutableByteView target) {
        key.seal(nonce, {}, payload, target.first(payload.size()),
                 target.last(crypto::kTagSizeBytes));
      },
      plaintext, out);
}

double file_layer_speed(store::Store& store, ByteView plaintext) {
  const auto file = store.create("/store/file", store::Layout::table);
  if (!file) std::abort();
  const auto start = std::chrono::steady_clock::now();
  std::size_t done = 0;
  while (done < kBytesARun) {
    if (!(*file)->append(plaintext)) std::abort();
    done += plaintext.size();
  }
  return gigabytes_per_second(done, std::chrono::steady_clock::now() - start);
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

bool measure(const crypto::AeadBackend& backend) {
  crypto::set_aead_backend(backend);
  NullFileSystem files;
  store::TestKeySource keys;
  store::Store store(files, keys, crypto::system_random(), "/store");
  const auto key = crypto::AeadKey::expand(*crypto::Key256::generate(crypto::system_random()));
  const bench::RawSeal raw = bench::raw_cipher(backend.name);
  const ByteVector plaintext(kAppendBytes, 7);
  ByteVector out(32 * format::kChunkSizeBytes);
  std::vector<double> library;
  std::vector<double> ours;
  std::vector<double> layer;
  std::vector<double> our_ratios;
  std::vector<double> ratios;
  for (int run = 0; run < kRuns; ++run) {
    library.push_back(library_speed(raw, plaintext, out));
    ours.push_back(backend_speed(*key, plaintext, out));
    layer.push_back(file_layer_speed(store, plaintext));
    our_ratios.push_back(ours.back() / library.back());
    ratios.push_back(layer.back() / library.back());
  }
  std::printf(
      "%-10s  library %5.1f GB/s   back end %5.1f GB/s, ratio %.2f   file layer %5.1f GB/s, "
      "ratio %.2f\n",
      std::string(backend.name).c_str(), median(library), median(ours), median(our_ratios),
      median(layer), median(ratios));
  return median(ratios) >= kTarget;
}

}  // namespace

int main() {
  std::printf("sealing 4 KiB chunks, one core, medians of %d runs in turns\n", kRuns);
  bool reached = measure(crypto::openssl_backend());
  if (const crypto::AeadBackend* fast = crypto::ipsec_mb_backend()) reached &= measure(*fast);
  std::printf("target: %.2f, %s\n", kTarget, reached ? "reached" : "missed");
  return reached ? 0 : 1;
}
