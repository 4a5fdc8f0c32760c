// A KMS client that writes every request and its answer into the store's audit log.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "audit/log.h"
#include "keyring/keyring.h"
#include "kms/client.h"

namespace keyhold::host {

using RecordSink = std::function<void(audit::Record)>;

// Thread-safe, as far as its sink is. The record is in the log's file before the caller has the
// answer (audit/log.h says when it is not, or not yet): event wrap, unwrap, probe or describe;
// outcome ok or the fault; the CMEK's URI, its version and the KMS's request id; of the wrapped key
// id, version and purpose. Refused requests have their request id too; one that never reached the
// KMS has none. Waits for the log no longer than its patience, beyond the deadline of the request.
class RecordingClient final : public kms::Client {
 public:
  RecordingClient(std::unique_ptr<kms::Client> inner, RecordSink record)
      : inner_(std::move(inner)), record_(std::move(record)) {}

  [[nodiscard]] const kms::KeySpec& spec() const override { return inner_->spec(); }
  kms::Result<kms::WrappedKey> wrap(const crypto::Key256& key, const kms::WrapContext& context,
                                    Deadline deadline) override;
  kms::Result<kms::UnwrappedKey> unwrap(ByteView ciphertext, const kms::WrapContext& context,
                                        Deadline deadline) override;
  kms::Result<kms::KeyDescription> describe(Deadline deadline) override;
  kms::Result<std::string> probe(ByteView ciphertext, const kms::WrapContext& context,
                                 Deadline deadline) override;

 private:
  [[nodiscard]] audit::Record begin(std::string_view event, const kms::WrapContext* context) const;
  void refused(audit::Record record, const kms::Error& error);
  void answered(audit::Record record, const std::string& request_id, const KeyVersion& version);

  const std::unique_ptr<kms::Client> inner_;
  const RecordSink record_;
};

// Every client that `inner` makes, recording. `log`, and what `record` uses, outlive them all.
keyring::ClientFactory recording(keyring::ClientFactory inner, RecordSink record);
keyring::ClientFactory recording(keyring::ClientFactory inner, audit::Log& log);

// The signer of the log of `ring`'s store. `ring` outlives it; while the ring is wiped it answers
// Code::sealed.
audit::Signer audit_signer(const keyring::KeyRing& ring);

}  // namespace keyhold::host
