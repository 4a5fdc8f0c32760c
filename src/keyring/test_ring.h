// What the key ring's tests share: files in memory, a fake KMS, a clock that stands still, and
// fingerprints of DEKs, by which a test knows a key again without seeing it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "crypto/kdf.h"
#include "crypto/random.h"
#include "io/memory_file_system.h"
#include "keyring/keyring.h"
#include "kms/fake/fake_kms.h"

namespace keyhold::keyring {

inline const std::string kDirectory = "/store/.keyhold";
inline const std::string kAnchorPath = "/elsewhere/anchor";
inline const Identity kIdentity{OrgId("acme"), ClusterId("orders"), RegionName("us-east-1"),
                                NodeId("n1")};

using Fingerprints = std::map<std::uint32_t, crypto::CheckValue>;

// Expects success and gives the value.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << code_name(result.error().code()) << ": " << result.error().message();
    throw std::runtime_error(result.error().message());
  }
  return *std::move(result);
}
inline void must(const Status& status) {
  if (!status) {
    ADD_FAILURE() << code_name(status.error().code()) << ": " << status.error().message();
    throw std::runtime_error(status.error().message());
  }
}

template <typename T>
Code code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Code::internal : result.error().code();
}

// One customer's cloud and one machine's clock; the files come from outside.
struct World {
  ManualClock clock;
  kms::FakeKms cloud{clock, crypto::system_random()};
  kms::KeySpec first = cloud.create_key("first");
  kms::KeySpec second = cloud.create_key("second");

  [[nodiscard]] Deadline deadline() const {
    return Deadline::after(clock, std::chrono::seconds(5));
  }
  [[nodiscard]] ClientFactory clients() const {
    return [this](const kms::KeySpec& spec, const kms::Caller&) { return cloud.make_client(spec); };
  }
  [[nodiscard]] std::unique_ptr<kms::Client> client(const kms::KeySpec& spec) const {
    return *cloud.make_client(spec);
  }
  [[nodiscard]] Environment on(io::FileSystem& files) const {
    return {files, clock, crypto::system_random()};
  }

  Result<std::unique_ptr<KeyRing>> create(io::FileSystem& files,
                                          std::shared_ptr<Anchor> anchor = nullptr,
                                          RotationPolicy rotation = {}) const {
    const auto cmek = client(first);
    return KeyRing::create(on(files), kDirectory, kIdentity, rotation, *cmek, deadline(),
                           std::move(anchor));
  }
  Result<std::unique_ptr<KeyRing>> open(io::FileSystem& files, OpenOptions options = {}) const {
    return KeyRing::open(on(files), kDirectory, clients(), deadline(), std::move(options));
  }
};

inline std::unique_ptr<io::MemoryFileSystem> empty_disk() {
  auto disk = std::make_unique<io::MemoryFileSystem>();
  for (const char* path : {"/store", "/store/.keyhold", "/elsewhere"}) {
    must(disk->make_directory(path, 0700));
  }
  must(disk->sync_directory("/store"));
  must(disk->sync_directory("/"));
  return disk;
}

inline std::shared_ptr<Anchor> anchor_on(io::FileSystem& files) {
  return std::make_shared<FileAnchor>(files, kAnchorPath);
}

inline std::string copy_path(char copy) {
  return kDirectory + "/keyring." + copy;
}

inline crypto::CheckValue fingerprint(const KeyRing& ring, std::uint32_t generation) {
  const crypto::Key256 key =
      must(ring.derive(Generation{generation}, as_bytes("salt"), as_bytes("fingerprint")));
  return must(crypto::check_value(key));
}

inline Fingerprints fingerprints(const KeyRing& ring) {
  Fingerprints prints;
  for (const GenerationInfo& info : ring.contents().generations) {
    prints.emplace(number(info.generation), fingerprint(ring, number(info.generation)));
  }
  return prints;
}

}  // namespace keyhold::keyring
