// A client of a LOCAL KMS (admin.h): reads the key's state anew at every call, under a shared lock.
#pragma once

#include <memory>
#include <string>

#include "crypto/random.h"
#include "io/file_system.h"
#include "kms/client.h"
#include "kms/local/access_log.h"
#include "kms/local/directory.h"
#include "kms/local/uri.h"

namespace keyhold::kms {

// Faults: docs/formats/local-kms.md. Every request that reaches the directory is in the access log
// before its answer is given, refused or not; where the log cannot be written, there is no key
// (Fault::unavailable). An answer has a request id exactly where the log has an entry. The deadline
// bounds the wait for locks, not one that the disk itself takes.
class LocalClient final : public Client {
 public:
  // `files`, `clock` and `random` outlive the client. Makes no request. Fault::configuration where
  // the spec is not valid.
  static Result<std::unique_ptr<Client>> create(const KeySpec& spec, io::FileSystem& files,
                                                const Clock& clock, crypto::Random& random);

  [[nodiscard]] const KeySpec& spec() const override { return spec_; }
  Result<WrappedKey> wrap(const crypto::Key256& key, const WrapContext& context,
                          Deadline deadline) override;
  Result<UnwrappedKey> unwrap(ByteView ciphertext, const WrapContext& context,
                              Deadline deadline) override;
  Result<KeyDescription> describe(Deadline deadline) override;
  Result<std::string> probe(ByteView ciphertext, const WrapContext& context,
                            Deadline deadline) override;

 private:
  LocalClient(KeySpec spec, local::KeyLocation location, io::FileSystem& files, const Clock& clock,
              crypto::Random& random);

  // One request: checks, locks, loads the key, lets `work` answer, writes the log, unlocks. `due`:
  // the key's deletion date has come.
  template <typename T, typename Work>
  Result<T> answer(std::string_view operation, const WrapContext* context, Deadline deadline,
                   Work work);
  template <typename T, typename Work>
  Result<T> answer_locked(AccessLogEntry& entry, bool& due, Deadline deadline, Work work);
  template <typename T, typename Work>
  Result<T> answer_from_key(AccessLogEntry& entry, bool& due, Work work);
  void destroy_when_due();
  [[nodiscard]] Result<void> ensure_durable(const AccessLogEntry& entry) const;
  Result<UnwrappedKey> unwrap_as(std::string_view operation, ByteView ciphertext,
                                 const WrapContext& context, Deadline deadline);
  AccessLogEntry new_entry(std::string_view operation, const WrapContext* context);

  KeySpec spec_;
  local::KeyLocation location_;
  local::Directory directory_;
  local::AccessLog access_log_;
  const Clock* clock_;
  crypto::Random* random_;
};

}  // namespace keyhold::kms
