#include "host/host_parts.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "base/log.h"
#include "crypto/aead.h"
#include "crypto/instance.h"
#include "host/recording_client.h"
#include "host/retry.h"

namespace keyhold::host {
namespace {

constexpr nanoseconds kNothingDue = std::chrono::hours(1);

// Rotation by volume is judged this many times a generation.
constexpr std::uint64_t kVolumeChecks = 64;
// What a key ring of a few generations and the first open files take.
constexpr std::size_t kLeastSecretBytes = 32 << 10;

tl::unexpected<Error> no_config(const StoreLayout& layout) {
  return fail(Code::integrity, layout.config +
                                   " is missing, and with it where the store's anchor is: " +
                                   how_to_settle_config());
}

}  // namespace

Status check_own_process() {
  KEYHOLD_TRY(crypto::check_aead_choice());
  KEYHOLD_TRY(crypto::SecretBlock::allocate(kLeastSecretBytes));
  return {};
}

ClientFactory clients_or_default(ClientFactory given, const Environment& environment) {
  if (given) return given;
  return [&clock = environment.clock, &random = environment.random](const kms::KeySpec& spec,
                                                                    const kms::Caller& caller) {
    return kms::make_client(spec, caller, clock, random);
  };
}

Result<std::unique_ptr<kms::Client>> make_client(const ClientFactory& clients,
                                                 const kms::KeySpec& spec,
                                                 const kms::Caller& caller) {
  auto client = clients(spec, caller);
  if (!client) return fail(client.error().to_error());
  return *std::move(client);
}

HostParts::HostParts(const Environment& environment, const std::string& store_path,
                     HostOptions options, std::unique_ptr<StoreLock> lock)
    : environment_(environment),
      layout_(store_path),
      options_(std::move(options)),
      clients_(clients_or_default(options_.clients, environment)),
      program_(options_.program),
      started_(environment.clock.wall_now()),
      lock_(std::move(lock)),
      place_(guard_.add(*this)),
      desk_(environment.files, environment.clock, layout_),
      keeper_(environment.clock, environment.random, *this) {
  fork_watch_.emplace([this] {
    forked_ = true;
    lock_.reset();
    if (server_) server_->close_in_child();
  });
}

// No new request, then no order under way, then no lease, then the keys, then the lock.
HostParts::~HostParts() {
  fork_watch_.reset();
  server_.reset();
  desk_.close();
  lease_orders_.stop();
  file_orders_.stop();
  upkeep_.stop();
  keeper_.stop();
  record({.event = std::string(audit::events::kStop)});
  audit_.reset();  // signs its last checkpoint: the keys are here still
  if (keyring::KeyRing* opened = ring(); opened != nullptr && counted_) {
    const Status flushed = opened->flush();
    if (!flushed && flushed.error().code() != Code::sealed) {
      log::warning("store " + layout_.root +
                   ": byte counters were not saved: " + flushed.error().message());
    }
  }
  guard_.remove(place_);
  opened_ = nullptr;
  ring_.reset();
}

Status HostParts::check_whole() {
  KEYHOLD_TRY_ASSIGN(const bool half_made, io::exists(environment_.files, layout_.being_made));
  if (half_made) {
    return fail(Code::not_found, "the store " + layout_.root +
                                     " was never made to the end: run `keyhold store init` again");
  }
  auto config = read_config(environment_.files, layout_);
  const bool may_do_without = options_.accept_rollback || !options_.anchor_path.empty();
  if (config) {
    config_ = *std::move(config);
  } else if (!may_do_without) {
    return fail(std::move(config).error());
  }
  if (!options_.anchor_path.empty()) {
    anchor_path_ = options_.anchor_path;
  } else if (config_) {
    anchor_path_ = config_->parsed.config.anchor_path;
  } else {
    // A store that is not there at all is told from one that lost its config.
    KEYHOLD_TRY(keyring::KeyRing::inspect(environment_.files, layout_.directory));
    if (!may_do_without) return no_config(layout_);
  }
  return {};
}

Status HostParts::start_serving() {
  if (!options_.start_socket) return {};
  lease_orders_.start([] { return kNothingDue; });
  KEYHOLD_TRY_ASSIGN(server_, ControlServer::start(layout_, environment_.clock,
                                                   [this](const format::ControlRequest& request,
                                                          ControlServer::Respond respond) {
                                                     handle(request, std::move(respond));
                                                   }));
  return {};
}

Status HostParts::unlock() {
  Status outcome;
  do {
    KEYHOLD_TRY(wait_while_sealed());
    outcome = retry_outages(
        options_.retry, environment_.clock, environment_.random, [this] { return open_ring(); },
        [this](const Error& error, nanoseconds pause) { note_outage(error, pause); });
    // An order to seal that came in an outage is waited out as one from before it.
  } while (!outcome && outcome.error().code() == Code::sealed && options_.waits_while_sealed);
  if (!outcome) return fail(outcome.error().within("store " + layout_.root));
  const std::lock_guard lock(mutex_);
  reason_.clear();
  return {};
}

// The keys count from here on. No order comes in between: one that came before has left its
// tombstone, a later one finds the lease.
bool HostParts::go_live() {
  const std::lock_guard order(order_mutex_);
  if (read_tombstone(environment_.files, layout_)) {
    ring_.reset();
    return false;
  }
  if (audit_) {
    const Status trusted = audit_->unseal(
        {.event = std::string(audit::events::kStart), .message = program_}, audit_signer(*ring_));
    if (!trusted) raise(AlertKind::audit_broken, trusted.error().message());
    if (ring_->health().rollback_accepted)
      record({.event = std::string(audit::events::kRollbackAccepted)});
  }
  notices_clones_ = crypto::start_clone_listener();
  {
    const std::lock_guard lock(mutex_);
    enter(HostState::serving);
  }
  begin_lease();
  return true;
}

// accept-rollback writes the anchor that the config names: it must be the config of this key ring,
// or whoever altered it chooses the file that is written, and the anchor from then on.
Status HostParts::trust_config() {
  const bool from_config = config_ && options_.anchor_path.empty();
  if (!options_.accept_rollback || !from_config || anchor_path_.empty()) return {};
  const auto opened = keyring::KeyRing::open(
      environment_, layout_.directory, clients_, kms_deadline(),
      {.anchor = nullptr, .denial_rule = options_.denial_rule, .accept_rollback = false});
  KEYHOLD_TRY(note_kms(opened ? Status() : fail(opened.error())));
  return verify_config(*config_, **opened);
}

Status HostParts::open_ring() {
  if (const auto tombstone = read_tombstone(environment_.files, layout_)) {
    return fail(sealed_by(layout_, *tombstone));
  }
  KEYHOLD_TRY(trust_config());
  fetched_since_ = environment_.clock.boot_now();
  auto opened = keyring::KeyRing::open(environment_, layout_.directory, clients_, kms_deadline(),
                                       {.anchor = anchor(),
                                        .denial_rule = options_.denial_rule,
                                        .accept_rollback = options_.accept_rollback});
  KEYHOLD_TRY(note_kms(opened ? Status() : fail(opened.error())));
  ring_ = *std::move(opened);
  const std::uint64_t limit = ring_->contents().rotation.bytes;
  check_every_bytes_ = limit == 0 ? 0 : std::max<std::uint64_t>(limit / kVolumeChecks, 1);
  return {};
}

void HostParts::note_outage(const Error& error, nanoseconds pause) {
  {
    const std::lock_guard lock(mutex_);
    reason_ = error.message();
  }
  if (pause <= nanoseconds::zero()) return;
  log::warning("store " + layout_.root + " waits for its KMS, next attempt in " +
               seconds_text(pause) + ": " + error.message());
}

Status HostParts::settle_config() {
  const bool named = !options_.anchor_path.empty();
  const bool verified = config_ && verify_config(*config_, *ring_);
  if (!verified && !named && !options_.accept_rollback) {
    return config_ ? verify_config(*config_, *ring_) : no_config(layout_);
  }
  const bool as_it_should_be =
      verified && config_->parsed.config.anchor_path == anchor_path_ &&
      config_->parsed.config.mac_generation == ring_->contents().generations.back().generation;
  if (as_it_should_be) return {};
  if (anchor_path_.empty() && !verified) {
    log::warning("store " + layout_.root + ": from now on without an anchor, by order");
  }
  return write_config(environment_.files, layout_, *ring_, anchor_path_);
}

std::shared_ptr<keyring::Anchor> HostParts::anchor() const {
  if (anchor_path_.empty()) return nullptr;
  return std::make_shared<keyring::FileAnchor>(environment_.files, anchor_path_);
}

Deadline HostParts::kms_deadline() const {
  return Deadline::after(environment_.clock, options_.kms_timeout);
}

// Remembers for status how the KMS last answered; passes the outcome on.
Status HostParts::note_kms(Status outcome) {
  const std::lock_guard lock(mutex_);
  if (outcome) {
    last_kms_success_ = environment_.clock.wall_now();
    last_kms_problem_.clear();
    last_kms_denied_ = false;
  } else {
    last_kms_problem_ = outcome.error().message();
    last_kms_denied_ = outcome.error().code() == Code::denied;
  }
  return outcome;
}

// A host that has not heard of an outage yet is only starting.
Result<keyring::KeyRing*> HostParts::usable_ring() const {
  if (keyring::KeyRing* opened = ring()) return opened;
  const std::string host =
      "the store's host, process " + std::to_string(::getpid()) + " (" + program_ + "), ";
  const std::lock_guard lock(mutex_);
  if (reason_.empty()) return fail(Code::busy, host + "is starting");
  return fail(Code::unavailable, host + "waits for its KMS: " + reason_);
}

void HostParts::enter(HostState state) {
  if (state != state_) state_since_ = environment_.clock.wall_now();
  state_ = state;
}

HostStatus HostParts::status() const {
  HostStatus status;
  status.pid = ::getpid();
  status.program = program_;
  status.started = started_;
  status.aead_backend = crypto::aead_backend().name;
  status.secret_memory = crypto::secret_memory_use();
  status.clone_detection = notices_clones_;
  status.requests = requests_;
  status.policy = policy_view();
  if (const keyring::KeyRing* opened = ring()) status.health = opened->health();
  status.audit_problem = audit_ ? audit_->health().problem : audit_refusal_;
  const std::lock_guard lock(mutex_);
  for (const auto& [uri, answer] : kms_answers_) status.kms.push_back(answer);
  status.last_kms_denied = last_kms_denied_;
  status.state = state_;
  status.state_since = state_since_;
  status.reason = reason_;
  status.last_kms_success = last_kms_success_;
  status.last_kms_problem = last_kms_problem_;
  for (const auto& [chore, problem] : upkeep_problems_) {
    if (!problem.empty()) status.upkeep_problems.push_back(problem);
  }
  return status;
}

void HostParts::add_sealed_bytes(Generation generation, std::uint64_t bytes) {
  ring()->note_sealed_bytes(generation, bytes);
  bool wake = !counted_.load(std::memory_order_relaxed) && !counted_.exchange(true);
  if (check_every_bytes_ != 0 && unchecked_.fetch_add(bytes) + bytes >= check_every_bytes_) {
    unchecked_ = 0;
    wake = true;
  }
  if (wake) upkeep_.wake();
}

void HostParts::wipe_keys() {
  if (keyring::KeyRing* opened = ring()) opened->wipe();
}

Result<Generation> HostParts::rotate_dek() {
  KEYHOLD_TRY_ASSIGN(keyring::KeyRing * opened, usable_ring());
  auto made = opened->rotate_dek();
  record_outcome(audit::events::kRotateDek, made ? Status() : fail(made.error()),
                 {.dek_generation = made ? number(*made) : 0});
  upkeep_.wake();  // the next one is due at another time now
  return made;
}

Status HostParts::rotate_kek() {
  KEYHOLD_TRY_ASSIGN(keyring::KeyRing * opened, usable_ring());
  const Status rotated = note_kms(opened->rotate_kek(clients_, kms_deadline()));
  record_outcome(audit::events::kRotateKek, rotated,
                 {.kek_version = opened->contents().kek_version});
  if (rotated && audit_) audit_->checkpoint();
  follow_lockboxes();
  return rotated;
}

Status HostParts::rewrap() {
  KEYHOLD_TRY_ASSIGN(keyring::KeyRing * opened, usable_ring());
  for (const keyring::Lockbox& lockbox : opened->contents().lockboxes) {
    KEYHOLD_TRY_ASSIGN(const auto client,
                       make_client(clients_, lockbox.spec, kms::caller_of(lockbox.context)));
    const Status rewrapped = note_kms(opened->rewrap(*client, kms_deadline()));
    record_outcome(audit::events::kRewrap, rewrapped, {.key_uri = lockbox.spec.uri.str()});
    KEYHOLD_TRY(rewrapped);
  }
  follow_lockboxes();
  return {};
}

Status HostParts::rewrap_to(const kms::KeySpec& spec) {
  KEYHOLD_TRY_ASSIGN(keyring::KeyRing * opened, usable_ring());
  KEYHOLD_TRY_ASSIGN(const auto client,
                     make_client(clients_, spec, keyring::caller_of(opened->contents().identity)));
  const Status rewrapped = note_kms(opened->rewrap_to(*client, kms_deadline()));
  record_outcome(audit::events::kRewrap, rewrapped, {.key_uri = spec.uri.str()});
  follow_lockboxes();
  return rewrapped;
}

}  // namespace keyhold::host
