// The host of one store: the one process that holds the store's lock, unwraps its key ring through
// the KMS, keeps it in good order, and serves its keys to the other processes of the machine over
// the control socket (docs/formats/control-socket.md).
//
// On disk, below the store's root (layout.h): .keyhold/lock, config, keyring.a, keyring.b,
// control.sock.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/error.h"
#include "control/lease.h"
#include "host/engine.h"
#include "host/host_status.h"
#include "host/store_keys.h"
#include "keyring/keyring.h"

namespace keyhold::host {

using keyring::ClientFactory;
using keyring::Environment;
using std::chrono::nanoseconds;

inline constexpr nanoseconds kForever = nanoseconds::max();

// How long to go on asking a KMS that does not answer (an outage; a denial only where it says so).
// Pauses double from first to longest, each shortened at random by up to `jitter` of itself. Every
// failed attempt is logged as a warning.
struct RetryPolicy {
  nanoseconds wait{0};       // 0: one attempt. kForever: until it answers
  bool denials_too = false;  // an agent's start: access may come back
  nanoseconds first_pause = std::chrono::milliseconds(200);
  nanoseconds longest_pause = std::chrono::seconds(3);
  double jitter = 0.25;  // 0 to 1
};

// The value of KEYHOLD_KMS_WAIT ("0", "30s", "5m", "2h", "forever"; a bare number is seconds), else
// `otherwise`. Code::invalid_argument where it is none of these.
Result<nanoseconds> kms_wait_from_environment(nanoseconds otherwise);

// What an engine that embeds the host does by default: it starts as soon as the KMS answers, and
// says in every pause that it waits.
inline constexpr nanoseconds kEmbeddedKmsWait = kForever;

// The thread that keeps the key ring in good order. It sleeps until something is due.
struct UpkeepPolicy {
  nanoseconds kms_check = std::chrono::minutes(45);  // is the CMEK's primary version newer?
  nanoseconds flush = std::chrono::minutes(1);       // byte counters; only where they have changed
  nanoseconds after_failure = std::chrono::minutes(1);
};

struct HostOptions {
  ClientFactory clients;  // empty: kms::make_client
  // Empty: the one that the store remembers. Else it is used instead, and remembered after success.
  std::string anchor_path;
  bool accept_rollback = false;  // keyring::OpenOptions::accept_rollback
  keyring::DenialRule denial_rule = keyring::DenialRule::any_denied;
  RetryPolicy retry;
  nanoseconds kms_timeout = std::chrono::seconds(10);  // for each attempt and each order
  // Serves control.sock and runs the upkeep. Without it nobody else can use the store meanwhile.
  bool start_socket = true;
  UpkeepPolicy upkeep;
  // The lease of DESIGN 5: probes, and seals where the KMS denies or stays silent too long. Needs
  // the socket. Only benchmarks and tests of other things go without: nothing then notices a
  // denial.
  bool keeps_lease = true;
  std::optional<control::LeasePolicy> lease;  // instead of the one in policy.toml: for tests
  // A store that an order keeps sealed: wait for the order that undoes it, rather than fail.
  bool waits_while_sealed = false;
  bool remove_leftovers = false;  // files under construction that a crash left in the store
  std::string program;            // for messages to others; empty: this process's name
};

class HostParts;
class StoreLock;

// Thread-safe. In a child of a fork() the host is dead: it serves nobody, changes nothing, and its
// keys answer Code::sealed; the parent's goes on.
class Host final : public StoreKeys {
 public:
  // Code::busy where another process is the host; the message names it. Code::unavailable where
  // the KMS did not answer within retry.wait; Code::denied where it said no; Code::not_found where
  // there is no store. Otherwise as KeyRing::open. `environment`'s parts outlive the host; the
  // socket needs the machine's own file system.
  static Result<std::unique_ptr<Host>> open(const Environment& environment,
                                            const std::string& store_path,
                                            HostOptions options = {});
  // The same, by a process that has the lock already.
  static Result<std::unique_ptr<Host>> open_locked(const Environment& environment,
                                                   const std::string& store_path,
                                                   HostOptions options,
                                                   std::unique_ptr<StoreLock> lock);
  // Stops serving, persists the counters, wipes the keys, gives the lock back.
  ~Host() override;

  // store::KeySource
  [[nodiscard]] StoreId store_id() const override;
  [[nodiscard]] Result<Generation> current_generation() override;
  [[nodiscard]] Status prepare(Generation generation) override;
  [[nodiscard]] Result<crypto::Key256> derive(Generation generation, ByteView salt,
                                              ByteView info) override;
  void add_sealed_bytes(Generation generation, std::uint64_t bytes) override;
  [[nodiscard]] store::SealGuard& guard() override;

  // StoreKeys
  [[nodiscard]] Role role() const override { return Role::host; }
  void set_engine(Engine engine) override;
  Result<Generation> rotate_dek() override;
  Status rotate_kek() override;
  Status rewrap() override;
  Status rewrap_to(const kms::KeySpec& spec) override;
  Result<FileWish> report_files(FileReport report) override;
  Result<Generation> reencrypt(bool rotate_first, std::uint64_t bytes_per_second) override;
  Result<CoverageReport> coverage() override;
  Result<ShredReport> shred() override;
  Result<LoadedPolicy> policy() override;
  Result<std::uint64_t> set_policy(const std::string& text, std::uint64_t expected) override;

  // Ends the use of keys in this process: fences the engine, refuses, waits for uses under way,
  // wipes every holder registered with guard() and the key ring, and answers clients with
  // Code::sealed. Returns when a change of the key ring in flight has given up its copies of keys
  // too (its KMS call ends by kms_timeout). `reason` is what status says. For good, and without a
  // tombstone: order_seal() is what an operator wants.
  void seal(const std::string& reason);
  // `keyhold store seal`, `unseal`: the tombstone of a local order, and the lease. order_seal()
  // returns when no key is left; order_unseal() at once, and the host serves again when the KMS has
  // agreed three times. Code::invalid_argument where the store is sealed by another order.
  Status order_seal();
  Status order_unseal();

  [[nodiscard]] HostStatus status() const;
  // False where the lease has run out and nothing sealed the store: the thread that keeps it hangs.
  [[nodiscard]] bool keeps_time() const;
  [[nodiscard]] keyring::KeyRing& ring();

 private:
  explicit Host(std::unique_ptr<HostParts> parts);

  std::unique_ptr<HostParts> parts_;
};

}  // namespace keyhold::host
