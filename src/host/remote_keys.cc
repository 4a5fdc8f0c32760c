#include "host/remote_keys.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <pthread.h>
#include <sys/eventfd.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "base/signals_blocked.h"
#include "crypto/instance.h"
#include "crypto/kdf.h"

namespace keyhold::host {
namespace {

// Between two attempts to reach a host that is gone.
constexpr nanoseconds kRetryPause = std::chrono::seconds(1);
// While an engine's thread waits.
constexpr nanoseconds kRefreshPatience = std::chrono::seconds(1);
constexpr nanoseconds kFarewell = std::chrono::milliseconds(200);
// The longest order asks several KMS, one after the other, behind another order.
constexpr nanoseconds kOrderPatience = std::chrono::minutes(3);

format::ControlKeySpec to_control_key(const kms::KeySpec& spec) {
  return {.type = static_cast<std::uint8_t>(spec.type),
          .uri = spec.uri.str(),
          .auth_principal = spec.auth_principal.str(),
          .endpoint = spec.endpoint,
          .ca_file = spec.ca_file};
}

}  // namespace

Result<std::unique_ptr<RemoteKeys>> RemoteKeys::connect(const Clock& clock,
                                                        const std::string& store_path,
                                                        nanoseconds timeout) {
  std::unique_ptr<RemoteKeys> keys(new RemoteKeys(clock, store_path, timeout));
  keys->stop_ = UniqueFd(above_standard_streams(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
  if (!keys->stop_.open()) return fail_errno(errno, "an eventfd for the store's lease");
  KEYHOLD_TRY(keys->greet(keys->soon()));
  // Engines seal here: a clone of this machine must not go on with our nonces. The host's status
  // says whether the kernel tells of clones.
  static_cast<void>(crypto::start_clone_listener());
  const SignalsBlocked blocked;
  keys->thread_ = std::thread([raw = keys.get()] { raw->keep_lease(); });
  return keys;
}

RemoteKeys::RemoteKeys(const Clock& clock, const std::string& store_path, nanoseconds timeout)
    : layout_(store_path), clock_(clock), timeout_(timeout), place_(guard_.add(*this)) {}

RemoteKeys::~RemoteKeys() {
  if (guard_.came_by_fork()) {
    // There is no such thread in this process to join.
    (void)std::make_unique<std::thread>(std::move(thread_)).release();
    return;
  }
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  report_sealed_bytes(kFarewell);
  guard_.remove(place_);
}

// While this process is sealed it only learns what there is: the keys come with serve_again().
Status RemoteKeys::greet(Deadline deadline) {
  const BootTime asked = clock_.boot_now();
  KEYHOLD_TRY_ASSIGN(const auto hello, expect_reply<format::HelloReply>(
                                           client().ask(format::HelloRequest{}, deadline)));
  if (current_ == 0) store_ = hello.store;
  KEYHOLD_TRY(check_lineage(hello));
  if (hello.lease_ms > 0) {
    guard_.lend_until(clock_, asked + std::chrono::milliseconds(hello.lease_ms));
  }
  newest_ = number(hello.current);
  if (store::SealGuard::Use(guard_).check()) {
    KEYHOLD_TRY(fetch_up_to(hello.current, deadline));
    KEYHOLD_TRY(check_lineage(hello));
  }
  const BootTime valid = clock_.boot_now() + std::chrono::milliseconds(hello.valid_ms);
  valid_until_ = valid.time_since_epoch().count();
  return {};
}

// A key ring never goes back, and gives no number to two keys; one that was put back by hand does.
Status RemoteKeys::check_lineage(const format::HelloReply& hello) const {
  const std::shared_lock lock(keys_mutex_);
  const auto held = known_.find(number(hello.current));
  const bool same_key = held == known_.end() || held->second == hello.key_id;
  if (hello.store == store_ && number(hello.current) >= current_ && same_key) return {};
  return fail(Code::wrong_key, "another store, or an older key ring, stands at " + layout_.root +
                                   " now: close what is open there and open it anew");
}

// A host may be gone in a moment: what it told of is here before anybody uses it. Of the older
// generations some may be shredded.
Status RemoteKeys::fetch_up_to(Generation newest, Deadline deadline) {
  for (std::uint32_t next = std::max(current_.load(), 1U); next <= number(newest); ++next) {
    const Status fetched = fetch(Generation{next}, deadline);
    if (fetched) continue;
    if (next == number(newest) || fetched.error().code() != Code::not_found)
      return fail(fetched.error());
  }
  current_ = number(newest);
  return {};
}

Result<Generation> RemoteKeys::current_generation() {
  KEYHOLD_TRY(guard_.check_process());
  if (clock_.boot_now().time_since_epoch().count() >= valid_until_) refresh();
  if (ring_is_other_) {
    return fail(Code::wrong_key,
                "the keys of " + layout_.root +
                    " are no longer those of its host, for its key ring was "
                    "replaced: nothing more is read or written; put the newer key ring back, if "
                    "files were made under it, and start this process anew");
  }
  return Generation{current_.load()};
}

// While one thread asks, the others go on with the last answer.
void RemoteKeys::refresh() {
  const std::unique_lock lock(refresh_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  const Status greeted = greet(Deadline::after(clock_, kRefreshPatience));
  if (greeted) {
    host_missed_ = false;
    report_sealed_bytes(timeout_);
    return;
  }
  // Where the host says that it is sealed, the lease's thread fences the engine first.
  if (greeted.error().code() == Code::wrong_key) {
    ring_is_other_ = true;
    guard_.seal();
  }
  valid_until_ = (clock_.boot_now() + kRetryPause).time_since_epoch().count();
  if (!host_missed_) {
    log::warning("store " + layout_.root +
                 ": its host does not answer: " + greeted.error().message() +
                 "; this process goes on until its lease ends, then only once a host runs again");
  }
  host_missed_ = true;
}

bool RemoteKeys::has(Generation generation) const {
  const std::shared_lock lock(keys_mutex_);
  return deks_.contains(number(generation));
}

Status RemoteKeys::prepare(Generation generation) {
  KEYHOLD_TRY(guard_.check_process());
  return fetch(generation, soon());
}

Status RemoteKeys::fetch(Generation generation, Deadline deadline) {
  if (has(generation)) return {};
  KEYHOLD_TRY(store::SealGuard::Use(guard_).check());
  auto dek = client().ask_dek(generation, deadline);
  if (!dek) return explain(generation, dek.error());
  const store::SealGuard::Use use(guard_);
  KEYHOLD_TRY(use.check());
  const std::unique_lock lock(keys_mutex_);
  const auto known = known_.try_emplace(number(dek->generation), dek->id).first;
  if (known->second != dek->id) {
    return fail(Code::wrong_key, "DEK generation " + std::to_string(number(generation)) +
                                     " is another key now than it was: the key ring of " +
                                     layout_.root + " was replaced");
  }
  deks_.try_emplace(number(generation), *std::move(dek));
  return {};
}

// "No such generation" is the host's word only: without a host, nobody knows.
Status RemoteKeys::explain(Generation generation, const Error& error) const {
  if (error.code() != Code::not_found) return fail(error);
  const auto hello = client().ask(format::HelloRequest{}, soon());
  if (hello || hello.error().code() != Code::not_found) return fail(error);
  return fail(Code::unavailable, "DEK generation " + std::to_string(number(generation)) +
                                     " is needed, but " + hello.error().message() +
                                     ": restart this process, and it becomes the host itself, or "
                                     "start another one on the store");
}

Result<crypto::Key256> RemoteKeys::derive(Generation generation, ByteView salt, ByteView info) {
  KEYHOLD_TRY(guard_.check_process());
  const std::shared_lock lock(keys_mutex_);
  const auto found = deks_.find(number(generation));
  if (found == deks_.end()) {
    return fail(Code::not_found, "DEK generation " + std::to_string(number(generation)) +
                                     " was not fetched from the store's host");
  }
  return crypto::hkdf_sha256(found->second.key, salt, info);
}

void RemoteKeys::wipe_keys() {
  const std::unique_lock lock(keys_mutex_);
  deks_.clear();
}

void RemoteKeys::add_sealed_bytes(Generation generation, std::uint64_t bytes) {
  const std::lock_guard lock(sealed_mutex_);
  sealed_bytes_[number(generation)] += bytes;
}

// What cannot be reported now is reported next time.
void RemoteKeys::report_sealed_bytes(nanoseconds timeout) {
  std::map<std::uint32_t, std::uint64_t> counts;
  {
    const std::lock_guard lock(sealed_mutex_);
    counts.swap(sealed_bytes_);
  }
  for (const auto& [generation, bytes] : counts) {
    const auto reply = client().ask(
        format::ReportRequest{.generation = Generation{generation}, .sealed_bytes = bytes},
        Deadline::after(clock_, timeout));
    if (!reply) add_sealed_bytes(Generation{generation}, bytes);
  }
}

Result<format::ControlReply> RemoteKeys::order(const format::ControlRequest& request) {
  KEYHOLD_TRY(guard_.check_process());
  return client().ask(request, Deadline::after(clock_, kOrderPatience));
}

Result<Generation> RemoteKeys::rotate_dek() {
  KEYHOLD_TRY_ASSIGN(
      const auto reply,
      expect_reply<format::RotateReply>(order(format::RotateRequest{format::RotateTarget::dek})));
  valid_until_ = 0;  // new files use it from now on
  return reply.generation;
}

Status RemoteKeys::rotate_kek() {
  KEYHOLD_TRY(
      expect_reply<format::RotateReply>(order(format::RotateRequest{format::RotateTarget::kek})));
  return {};
}

Status RemoteKeys::rewrap() {
  KEYHOLD_TRY(expect_reply<format::RewrapReply>(order(format::RewrapRequest{})));
  return {};
}

Status RemoteKeys::rewrap_to(const kms::KeySpec& spec) {
  const format::ControlKeySpec key = to_control_key(spec);
  KEYHOLD_TRY(format::check_control_key(key));
  KEYHOLD_TRY(expect_reply<format::RewrapReply>(
      order(format::RewrapRequest{.to_other = true, .key = key})));
  return {};
}

// The pin is the host's word, whose key ring is open; the file is this machine's.
Result<LoadedPolicy> RemoteKeys::policy() {
  KEYHOLD_TRY_ASSIGN(const auto reply, expect_reply<format::StatusReply>(
                                           client().ask(format::StatusRequest{}, soon())));
  KEYHOLD_TRY_ASSIGN(const HostStatus status, host_status_from_json(reply.json));
  if (!status.policy) {
    return fail(Code::unavailable, "the store's host has not opened its key ring yet");
  }
  return read_policy(io::posix_file_system(), layout_, status.policy->pin);
}

Result<std::uint64_t> RemoteKeys::set_policy(const std::string& text, std::uint64_t expected) {
  KEYHOLD_TRY(format::parse_policy(as_bytes(text), "policy.toml"));
  KEYHOLD_TRY_ASSIGN(const auto reply,
                     expect_reply<format::PolicyReply>(
                         order(format::PolicyRequest{.expected = expected, .text = text})));
  return reply.version;
}

Result<FileWish> RemoteKeys::report_files(FileReport report) {
  KEYHOLD_TRY_ASSIGN(const auto reply,
                     expect_reply<format::FilesReply>(client().ask(to_message(report), soon())));
  return FileWish{.target = reply.target, .bytes_per_second = reply.bytes_per_second};
}

Result<Generation> RemoteKeys::reencrypt(bool rotate_first, std::uint64_t bytes_per_second) {
  KEYHOLD_TRY_ASSIGN(const auto reply,
                     expect_reply<format::ReencryptReply>(
                         order(format::ReencryptRequest{rotate_first, bytes_per_second})));
  return reply.target;
}

Result<CoverageReport> RemoteKeys::coverage() {
  KEYHOLD_TRY_ASSIGN(const auto reply,
                     expect_reply<format::CoverageReply>(order(format::CoverageRequest{})));
  return coverage_from_json(reply.json);
}

Result<ShredReport> RemoteKeys::shred() {
  KEYHOLD_TRY_ASSIGN(const auto reply,
                     expect_reply<format::ShredReply>(order(format::ShredRequest{})));
  return ShredReport{.generations = reply.generations,
                     .oldest_kept = reply.oldest_kept,
                     .kek_version = reply.kek_version};
}

}  // namespace keyhold::host
