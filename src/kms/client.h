// The seam to a key management service: wrap and unwrap with context under one CMEK.
//
// Thread-safe. Every call ends by its deadline. Nothing secret is logged; key URIs are.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "crypto/secret.h"
#include "kms/error.h"
#include "kms/key_spec.h"
#include "kms/wrap_context.h"

namespace keyhold::kms {

struct WrappedKey {
  ByteVector ciphertext;   // opaque, the provider's own format; at most 16 KiB
  KeyVersion key_version;  // the CMEK's version that wrapped it, as the KMS reports it
  std::string algorithm;   // as the KMS names it
  std::string request_id;  // the KMS's, so that its access log and ours join
};

struct UnwrappedKey {
  crypto::Key256 key;
  KeyVersion key_version;
  std::string request_id;
};

enum class KeyState : std::uint8_t { enabled, disabled, pending_deletion };

struct KeyDescription {
  KeyState state;
  KeyVersion primary_version;             // what wrap uses now
  std::optional<WallTime> deletion_date;  // where pending_deletion
  std::string request_id;
};

class Client {
 public:
  virtual ~Client() = default;

  [[nodiscard]] virtual const KeySpec& spec() const = 0;

  virtual Result<WrappedKey> wrap(const crypto::Key256& key, const WrapContext& context,
                                  Deadline deadline) = 0;
  // Fault::malformed where ciphertext or context are not those of a wrap by this key; never a key
  // in that case.
  virtual Result<UnwrappedKey> unwrap(ByteView ciphertext, const WrapContext& context,
                                      Deadline deadline) = 0;
  virtual Result<KeyDescription> describe(Deadline deadline) = 0;
  // One real unwrap with credentials made for it; the key is wiped at once. Returns the KMS's
  // request id.
  virtual Result<std::string> probe(ByteView ciphertext, const WrapContext& context,
                                    Deadline deadline) = 0;
};

// The client of a key spec's provider. Makes no request. Fault::configuration where the spec is not
// valid; the message says how a valid one looks.
Result<std::unique_ptr<Client>> make_client(const KeySpec& spec, const Caller& caller,
                                            const Clock& clock, crypto::Random& random);

}  // namespace keyhold::kms
