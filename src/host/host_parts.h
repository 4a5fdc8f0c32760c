// What a Host is made of: shared by its owner's calls, the control socket and the upkeep.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "audit/log.h"
#include "host/alerts.h"
#include "host/config.h"
#include "host/control_server.h"
#include "host/file_desk.h"
#include "host/fork_watch.h"
#include "host/host.h"
#include "host/layout.h"
#include "host/lease_keeper.h"
#include "host/policy_file.h"
#include "host/store_lock.h"
#include "host/tombstone.h"
#include "host/upkeep.h"
#include "keyring/keyring.h"
#include "store/seal_guard.h"

namespace keyhold::host {

// Thread-safe, once ring() is there.
class HostParts final : public store::KeyHolder, private LeaseWork {
 public:
  HostParts(const Environment& environment, const std::string& store_path, HostOptions options,
            std::unique_ptr<StoreLock> lock);
  ~HostParts() override;

  // The steps of Host::open, in this order.
  Status check_whole();    // no interrupted initialise_store; the config is readable
  void open_audit();       // without it, a host serves all the same, and says so
  Status start_serving();  // where options say so; answers "waits for the KMS" until unlock()
  Status unlock();         // waits out outages
  Status settle_config();  // verifies it, or writes it where the caller named an anchor
  void take_policy();      // policy.toml, or the strictest
  // ring() is there from now on, and so is the lease. False where an order to seal came meanwhile.
  [[nodiscard]] bool go_live();
  void start_file_work();
  void begin_lease();
  void start_upkeep();  // where options say so; first does what came due while nobody ran

  [[nodiscard]] bool in_forked_child() const { return forked_.load(std::memory_order_relaxed); }
  // Null until go_live().
  [[nodiscard]] keyring::KeyRing* ring() const { return opened_.load(std::memory_order_acquire); }
  [[nodiscard]] store::SealGuard& guard() { return guard_; }
  [[nodiscard]] EngineSeat& engine() { return engine_; }
  [[nodiscard]] HostStatus status() const;
  [[nodiscard]] bool keeps_time() const;
  void add_sealed_bytes(Generation generation, std::uint64_t bytes);
  void seal(const std::string& reason);

  // Orders; each waits for the KMS where it needs it.
  Result<Generation> rotate_dek();
  Status rotate_kek();
  Status rewrap();
  Status rewrap_to(const kms::KeySpec& spec);
  Result<std::uint64_t> set_policy(const std::string& text, std::uint64_t expected);
  [[nodiscard]] Result<LoadedPolicy> policy_on_disk() const;
  FileWish take_report(FileReport report);
  Result<Generation> reencrypt(bool rotate_first, std::uint64_t bytes_per_second);
  Result<CoverageReport> coverage();
  Result<ShredReport> shred();
  Status order_seal();
  Status order_unseal();

  void wipe_keys() override;

 private:
  [[nodiscard]] Result<keyring::KeyRing*> usable_ring() const;
  [[nodiscard]] Deadline kms_deadline() const;
  [[nodiscard]] std::shared_ptr<keyring::Anchor> anchor() const;
  Status trust_config();
  Status open_ring();
  void note_outage(const Error& error, nanoseconds pause);
  Status note_kms(Status outcome);

  // Upkeep (host_upkeep.cc).
  nanoseconds chores();
  nanoseconds rotate_what_is_due();
  nanoseconds flush_counters();
  nanoseconds check_kms_versions();
  Status rewrap_what_is_due();
  void note_upkeep(std::string_view chore, const Status& outcome);

  // The lease (host_lease.cc).
  control::ProbeAnswer probe(const keyring::Lockbox& lockbox) override;
  std::optional<control::KeysNotFetched> fetch_keys() override;
  void lend_until(BootTime until) override;
  void serve() override;
  void seal(control::SealCause cause) override;
  Status write_tombstone(control::SealCause cause) override;
  Status clear_tombstone() override;
  void alert(control::AlertKind kind, const std::string& lockbox) override;
  void phase_changed(control::LeasePhase phase) override;
  // REQUIRES: mutex_ is held.
  void enter(HostState state);
  [[nodiscard]] std::string why(control::SealCause cause) const;
  Status wait_while_sealed();
  void follow_lockboxes();

  // The audit log and the alerts (host_audit.cc).
  void record(audit::Record record);
  void record_outcome(std::string_view event, const Status& outcome, audit::Record record = {});
  void raise(AlertKind kind, std::string text, const std::string& lockbox = {},
             std::optional<WallTime> deletion_date = {});
  void follow_alert_rules(const format::AlertRules& rules);
  void describe_key(kms::Client& client, Deadline deadline, KmsAnswer& answer);
  void note_answer(KmsAnswer answer);

  // The policy (host_policy.cc).
  [[nodiscard]] format::Policy policy() const;
  void policy_changed(const LoadedPolicy& loaded);
  [[nodiscard]] std::optional<PolicyView> policy_view() const;

  // Control socket (host_requests.cc).
  void handle(const format::ControlRequest& request, ControlServer::Respond respond);
  Result<ControlAnswer> answer(const format::ControlRequest& request);
  Result<ControlAnswer> hello();
  Result<ControlAnswer> dek(Generation generation);
  [[nodiscard]] Result<std::uint32_t> client_lease() const;
  [[nodiscard]] Status check_serving() const;
  // Runs `use_dek` with the DEK in a use of the guard; it never blocks.
  Status lend_dek(Generation generation, const std::function<void(ByteView)>& use_dek);
  void post_order(ControlServer::Respond respond,
                  std::function<Result<format::ControlReply>()> order);
  void post_to(Upkeep& thread, ControlServer::Respond respond,
               std::function<Result<format::ControlReply>()> order);
  void post_file_order(ControlServer::Respond respond,
                       std::function<Result<format::ControlReply>()> order);
  bool handle_files(const format::ControlRequest& request, ControlServer::Respond& respond);

  const Environment environment_;
  const StoreLayout layout_;
  const HostOptions options_;
  ClientFactory clients_;  // recording, from open_audit() on
  const std::string program_;
  const WallTime started_;

  EngineSeat engine_;
  std::unique_ptr<StoreLock> lock_;
  std::optional<UnverifiedConfig> config_;
  std::string anchor_path_;
  store::SealGuard guard_;
  std::list<store::KeyHolder*>::iterator place_;
  std::unique_ptr<keyring::KeyRing> ring_;
  std::atomic<keyring::KeyRing*> opened_ = nullptr;
  std::atomic<bool> forked_ = false;
  std::atomic<bool> notices_clones_ = false;

  mutable std::mutex mutex_;                      // the story so far
  HostState state_ = HostState::waiting_for_kms;  // set by enter()
  WallTime state_since_ = started_;
  std::string reason_;
  std::optional<WallTime> last_kms_success_;
  std::string last_kms_problem_;
  bool last_kms_denied_ = false;
  std::map<std::string, KmsAnswer> kms_answers_;  // by the CMEK's URI, as the probes found them
  std::map<std::string, BootTime> described_at_;
  LoadedPolicy policy_;                 // the strictest until take_policy()
  std::condition_variable order_came_;  // tombstone written or cleared before go_live()
  std::map<std::string, std::string> upkeep_problems_;  // by chore; empty where it went well

  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<bool> counted_ = false;         // bytes since the counters were last persisted
  std::atomic<std::uint64_t> unchecked_ = 0;  // bytes since rotation by volume was last judged
  std::uint64_t check_every_bytes_ = 0;       // 0: no rotation by volume
  std::optional<BootTime> flush_at_;          // upkeep thread only
  BootTime check_kms_at_{};                   // upkeep thread only

  std::mutex order_mutex_;  // an order to seal that no lease takes yet, against go_live()
  // When a seal began that has not refused I/O yet; 0: none is under way.
  std::atomic<BootClock::rep> fencing_since_ = 0;
  std::mutex policy_mutex_;   // one change of the policy at a time
  BootTime fetched_since_{};  // before the KMS calls began that opened the ring
  std::unique_ptr<audit::Log> audit_;
  std::string audit_refusal_;  // why there is none, from open_audit() on
  std::mutex alerts_mutex_;
  std::unique_ptr<Alerts> alerts_;
  FileDesk desk_;
  std::atomic<bool> nothing_left_ = false;  // of what the wish asks for, the workers say
  Upkeep file_orders_;
  Upkeep lease_orders_;  // seal and unseal: no KMS call of another order holds them up
  Upkeep upkeep_;
  LeaseKeeper keeper_;
  std::unique_ptr<ControlServer> server_;
  std::optional<ForkWatch> fork_watch_;
};

// What a process needs of its own to hold keys: an AEAD back end that it can run, and memory that
// it may lock. Asked before the KMS is: a client of a KMS that fails for want of them looks like an
// outage. Code::invalid_argument, Code::permission.
Status check_own_process();
// `given`, or kms::make_client over the environment.
ClientFactory clients_or_default(ClientFactory given, const Environment& environment);
// A client of `spec`, its failure as one of ours.
Result<std::unique_ptr<kms::Client>> make_client(const ClientFactory& clients,
                                                 const kms::KeySpec& spec,
                                                 const kms::Caller& caller);

}  // namespace keyhold::host
