// The seam to a key management service: wrap and unwrap with context under one CMEK.
//
// Thread-safe. Every call ends by its deadline. Nothing secret is logged; key URIs are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
  std::string kms_state = {};  // the KMS's word where it says more than `state`: "PendingImport"
  std::optional<WallTime> expires = {};  // imported key material that ends by itself
  bool deletable_at_once = false;        // its material can go without a waiting period
};

// What a customer grants so that Keyhold may use the key: text to paste.
struct Grant {
  std::string place;  // "the trust policy of arn:aws:iam::…"
  std::string text;   // a policy document or a command, lines ending with a line feed
};

// A login on the way to the key.
struct LoginStep {
  std::string name;                 // "credentials", "assume arn:aws:iam::…:role/…"
  std::string detail;               // who that makes us; empty where it was refused
  std::optional<Error> refusal;     // nothing: it succeeded
  std::vector<Grant> missing = {};  // what to grant where it was denied
};

// What a policy that is only proposed would do.
struct Foretold {
  enum class Outcome : std::uint8_t { allowed, depends, refused };
  std::string action;  // "kms:Decrypt"
  Outcome outcome;
  bool needed;         // by Keyhold; else it is more than Keyhold should have
  std::string reason;  // of a refusal, or what it depends on
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

  // For a check (kms/check.h). Each login, made now, in their order, up to the first that is
  // refused; none where the provider has no logins.
  virtual std::vector<LoginStep> walk_logins(Deadline deadline);
  // For the key itself, with what the last walk_logins() learned; placeholders in capitals for what
  // it did not.
  [[nodiscard]] virtual std::vector<Grant> grants() const;
  // Changes nothing, and asks the provider for nothing but who we are and which key it is.
  // Fault::configuration where the document cannot be read, or the provider has no policies.
  virtual Result<std::vector<Foretold>> foretell(const std::string& policy,
                                                 const WrapContext& context, Deadline deadline);
};

// The client of a key spec's provider. Makes no request. Fault::configuration where the spec is not
// valid; the message says how a valid one looks.
Result<std::unique_ptr<Client>> make_client(const KeySpec& spec, const Caller& caller,
                                            const Clock& clock, crypto::Random& random);

}  // namespace keyhold::kms
