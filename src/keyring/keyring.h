// The key ring of one store: CMEK → KEK → DEK generations (DESIGN 4).
//
// On disk DIRECTORY/keyring.a and keyring.b (format/keyring.h, docs/formats/keyring.md): equal
// content, written one after the other, so that a crash or damage at any instant leaves one whole.
// In memory the KEK and every DEK, in secret memory, until wipe(). Whoever makes a KeyRing holds
// the store's lock: two of them on one directory are not safe.
//
// Thread-safe. derive(), current_generation() and note_sealed_bytes() never wait for a KMS or for
// I/O. Changes (rotate, rewrap …) go one at a time; each ends by its deadline plus the time of its
// file writes. A change that fails left the key ring as it was or, where it says so, further along;
// a change that a crash interrupted is completed by open() or by running it again.
//
// Errors: denied, unavailable, wrong_key (a KMS gave another key than the one that made this ring,
// or could not unwrap at all), integrity (damaged or tampered), rollback, sealed (after wipe()),
// unsupported (made by a newer Keyhold), not_found, already_exists, and those of the files.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "io/file_system.h"
#include "keyring/anchor.h"
#include "keyring/contents.h"
#include "kms/client.h"

namespace keyhold::keyring {

// All three outlive the key ring.
struct Environment {
  io::FileSystem& files;
  const Clock& clock;
  crypto::Random& random;
};

// kms::make_client with its clock and randomness bound, or a test's.
using ClientFactory = std::function<kms::Result<std::unique_ptr<kms::Client>>(
    const kms::KeySpec& spec, const kms::Caller& caller)>;

// Which denials count when a KEK has several lockboxes.
enum class DenialRule : std::uint8_t { any_denied, all_denied };

struct OpenOptions {
  std::shared_ptr<Anchor> anchor;  // null: rollback is not detected
  DenialRule denial_rule = DenialRule::any_denied;
  // The operator's explicit order (`keyhold store accept-rollback`): take what is there although
  // the anchor remembers something newer, is missing or is damaged; record it in the key ring.
  bool accept_rollback = false;
};

// What was found and done at open, and since.
struct Health {
  bool detects_rollback = false;  // an anchor is set
  bool rollback_accepted = false;
  bool anchor_behind = false;  // the last attempt to raise it failed; flush() tries again
  bool unsettled = false;      // a change failed half-way; the next change or flush() sets it right
  std::vector<CopyReport> copies;             // as they were found, in the order a, b
  std::vector<std::string> repaired_copies;   // names of those written anew
  std::vector<std::string> lockbox_problems;  // outages and the like that others made up for
};

struct KekMac {
  crypto::Mac mac{};
  std::uint32_t kek_version = 0;  // of the KEK that gave the key
};

struct RingState;
struct RingChange;
struct FoundCopies;

class KeyRing {
 public:
  // Makes KEK version 1, wrapped by `client`'s CMEK, and DEK generation 1, and writes both copies.
  // `directory` exists. Code::already_exists where it holds a key ring, whole or not, or where the
  // anchor is that of another store.
  static Result<std::unique_ptr<KeyRing>> create(const Environment& environment,
                                                 const std::string& directory,
                                                 const Identity& identity,
                                                 const RotationPolicy& rotation,
                                                 kms::Client& client, Deadline deadline,
                                                 std::shared_ptr<Anchor> anchor = nullptr);

  // Asks every lockbox (an outage of one is made up for by another; a denial counts by the denial
  // rule), checks the KEK, the MAC, every DEK and the anchor, then rewrites a copy that is damaged,
  // missing or behind. Writes nothing before all checks have passed.
  static Result<std::unique_ptr<KeyRing>> open(const Environment& environment,
                                               const std::string& directory,
                                               const ClientFactory& clients, Deadline deadline,
                                               OpenOptions options = {});

  // Needs no KMS and writes nothing. Code::not_found where there is no key ring.
  static Result<Inspection> inspect(io::FileSystem& files, const std::string& directory);

  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;
  ~KeyRing();

  [[nodiscard]] StoreId store_id() const;
  // Readable after wipe() too.
  [[nodiscard]] Contents contents() const;
  [[nodiscard]] Health health() const;

  // The DEK generation that new files use.
  [[nodiscard]] Result<Generation> current_generation() const;
  // HKDF-SHA-256(DEK of `generation`, salt, info). Code::not_found where there is no such
  // generation; the message tells a shredded one from one that never was.
  [[nodiscard]] Result<crypto::Key256> derive(Generation generation, ByteView salt,
                                              ByteView info) const;
  // The DEK itself, for the host's control socket only.
  [[nodiscard]] Result<crypto::Key256> export_dek(Generation generation,
                                                  crypto::SecretAccess) const;

  // Of a generation's DEK. Code::not_found, Code::sealed.
  [[nodiscard]] Result<KeyId> key_id(Generation generation) const;

  // Over `message`, under HKDF(KEK, salt: store id, info: labels::kAuditMac): the audit log's
  // checkpoints. Code::sealed.
  [[nodiscard]] Result<KekMac> audit_mac(ByteView message) const;

  // Counts in memory; persisted by rotate_if_due(), flush() and with every change.
  void note_sealed_bytes(Generation generation, std::uint64_t bytes);
  // Persists the counters where they have changed, and raises the anchor where it is behind.
  Status flush();

  // A new DEK generation; current once it is in both copies. Needs no KMS.
  Result<Generation> rotate_dek();
  [[nodiscard]] bool rotation_due(WallTime now) const;
  // The housekeeping call, cheap when there is nothing to do: rotates where it is due (true), else
  // persists the counters once a sixteenth of the byte limit has passed.
  Result<bool> rotate_if_due();

  // A new KEK version, wrapped by every CMEK that has a lockbox (all must answer), every DEK
  // wrapped under it, in one change of content.
  Status rotate_kek(const ClientFactory& clients, Deadline deadline);

  // Takes every DEK generation older than `oldest_kept` out of the key ring, and rotates the KEK,
  // in one change of content; then overwrites the files that the copies were before. What an older
  // file of the key ring is still good for stands in docs/formats/keyring.md, "Shredding".
  // REQUIRES: nothing is encrypted or authenticated under those generations any more.
  // Code::invalid_argument for one above the current generation. Where nothing is older, only what
  // an interrupted call left is completed.
  Status shred_before(Generation oldest_kept, const ClientFactory& clients, Deadline deadline);

  // Wraps the KEK again by the same CMEK (its newest version). Code::not_found where `client`'s key
  // has no lockbox.
  Status rewrap(kms::Client& client, Deadline deadline);
  // True where the KMS's primary version is not the one that made the lockbox.
  [[nodiscard]] Result<bool> rewrap_due(kms::Client& client, Deadline deadline) const;
  // Adds a lockbox for `client`'s CMEK, proven to give the same KEK, then removes all others. An
  // interrupted one is completed by the next.
  Status rewrap_to(kms::Client& client, Deadline deadline);
  Status add_lockbox(kms::Client& client, Deadline deadline);
  // Never the last: Code::invalid_argument.
  Status remove_lockbox(const kms::KeySpec& spec);

  // Which policy.toml rules from now on. Needs no KMS. Code::invalid_argument where the version is
  // not above the present one's.
  Status pin_policy(const PolicyPin& pin);

  // Wipes KEK and DEKs; everything that needs them answers Code::sealed from then on. Does not wait
  // for a change in flight: that one ends with Code::sealed and wipes its own copies as soon as its
  // KMS call returns. fetch_keys() gets the keys back.
  void wipe();
  // Waits until no change is in flight. False where one was at the deadline still: what it holds of
  // keys goes when its disk or KMS answers.
  [[nodiscard]] bool drain(Deadline deadline);
  // After wipe(): reads both copies and asks the lockboxes again, as open() does, then checks all
  // that open() checks but the anchor: what is in memory is a better one. Code::rollback where an
  // older or another key ring was put in its place meanwhile. Where it fails, or where a wipe()
  // comes in between (Code::sealed), no key is here.
  Status fetch_keys(const ClientFactory& clients, Deadline deadline, DenialRule rule);

 private:
  KeyRing(const Environment& environment, std::string directory, std::unique_ptr<RingState> state);

  // REQUIRES of all below: change_mutex_ is held, or nobody else has the ring yet.
  Status admit(const FoundCopies& found, bool may_accept_rollback);
  Status accept_rollback();
  Result<RingChange> begin_change();
  // Keys and lockboxes of `change` under a new KEK version. REQUIRES: change.next has no DEK that
  // the key ring does not have.
  Status renew_kek(RingChange& change, const ClientFactory& clients, Deadline deadline);
  // `keep_old`: Copies::write_keeping_old.
  Status commit(RingChange change, bool keep_old = false);
  void adopt(RingChange change, const crypto::Mac& digest);
  Status settle();
  Status raise_anchor();
  Status flush_now();
  Result<Generation> rotate_dek_now();
  [[nodiscard]] bool has_lockbox(const kms::KeySpec& spec) const;
  [[nodiscard]] Status check_successor(const FoundCopies& found) const;
  Status add_lockbox_now(kms::Client& client, Deadline deadline);

  const Environment environment_;
  const std::string directory_;
  std::timed_mutex change_mutex_;          // one change at a time; held over KMS calls and I/O
  mutable std::shared_mutex state_mutex_;  // never held over either
  std::unique_ptr<RingState> state_;
  std::atomic<std::uint64_t> wipes_ = 0;
};

}  // namespace keyhold::keyring
