// A LOCAL KMS in memory, for the tests of this folder.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "io/fault_file_system.h"
#include "io/memory_file_system.h"
#include "kms/local/admin.h"
#include "kms/local/client.h"

namespace keyhold::kms::local {

inline constexpr const char* kMemoryKmsPath = "/kms";

inline LocalKmsOptions options_for(io::FileSystem& files, const Clock& clock) {
  LocalKmsOptions options;
  options.files = &files;
  options.clock = &clock;
  return options;
}

inline std::unique_ptr<Client> client_for(io::FileSystem& files, const Clock& clock,
                                          const std::string& name) {
  KeySpec spec;
  spec.type = KeyType::local;
  spec.uri = to_uri({.directory = kMemoryKmsPath, .name = name});
  return LocalClient::create(spec, files, clock, crypto::system_random()).value();
}

// A KMS with the key "orders", a client of it, and one ciphertext.
class MemoryKms {
 public:
  MemoryKms()
      : memory_(clock_),
        files_(memory_),
        admin_(LocalKms::init(kMemoryKmsPath, options_for(files_, clock_)).value()) {
    static_cast<void>(admin_.create_key("orders").value());
    client_ = client_for(files_, clock_, "orders");
    const auto key = crypto::Key256::generate(crypto::system_random()).value();
    ciphertext_ = client_->wrap(key, {}, soon()).value().ciphertext;
  }

  [[nodiscard]] Deadline soon() const { return Deadline::after(clock_, std::chrono::seconds(30)); }
  // What a probe answers.
  Result<std::string> probe() { return client_->probe(ciphertext_, {}, soon()); }

  ManualClock clock_;
  io::MemoryFileSystem memory_;
  io::FaultFileSystem files_;  // on memory_
  LocalKms admin_;
  std::unique_ptr<Client> client_;
  ByteVector ciphertext_;
};

}  // namespace keyhold::kms::local
