#include "host/host.h"

#include <utility>

#include "base/log.h"
#include "host/host_parts.h"
#include "store/store.h"

namespace keyhold::host {
namespace {

std::string program_of(const HostOptions& options) {
  return options.program.empty() ? program_invocation_short_name : options.program;
}

Error forked_error() {
  return {Code::sealed,
          "this process was forked from the store's host and has no right to its "
          "keys: open the store anew"};
}

// Not worth a start: what is left over is in nobody's way.
void remove_leftovers(const Environment& environment, Host& host, const std::string& root) {
  store::Store store(environment.files, host, environment.random, root);
  const auto removed = store.remove_leftovers();
  if (!removed) {
    log::warning("files under construction stay in " + root + ": " + removed.error().message());
  } else if (*removed > 0) {
    log::info("removed " + std::to_string(*removed) + " files under construction, left in " + root +
              " by a crash");
  }
}

}  // namespace

Result<std::unique_ptr<Host>> Host::open(const Environment& environment,
                                         const std::string& store_path, HostOptions options) {
  KEYHOLD_TRY_ASSIGN(
      auto lock, StoreLock::take(environment.files, StoreLayout(store_path), program_of(options)));
  return open_locked(environment, store_path, std::move(options), std::move(lock));
}

Result<std::unique_ptr<Host>> Host::open_locked(const Environment& environment,
                                                const std::string& store_path, HostOptions options,
                                                std::unique_ptr<StoreLock> lock) {
  KEYHOLD_TRY(check_own_process());
  KEYHOLD_TRY(check_anchor_path(options.anchor_path));
  options.program = program_of(options);
  const bool leftovers = options.remove_leftovers;
  auto parts =
      std::make_unique<HostParts>(environment, store_path, std::move(options), std::move(lock));
  KEYHOLD_TRY(parts->check_whole());
  parts->open_audit();
  KEYHOLD_TRY(parts->start_serving());
  do {
    KEYHOLD_TRY(parts->unlock());
    KEYHOLD_TRY(parts->settle_config());
    parts->take_policy();
  } while (!parts->go_live());
  std::unique_ptr<Host> host(new Host(std::move(parts)));
  host->parts_->start_file_work();
  host->parts_->start_upkeep();
  if (leftovers) remove_leftovers(environment, *host, store_path);
  return host;
}

Host::Host(std::unique_ptr<HostParts> parts) : parts_(std::move(parts)) {}

Host::~Host() {
  // The child has neither the threads nor, perhaps, the locks in a state to be destroyed.
  if (parts_->in_forked_child()) (void)parts_.release();
}

StoreId Host::store_id() const {
  return parts_->ring()->store_id();
}

Result<Generation> Host::current_generation() {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->ring()->current_generation();
}

// The key ring holds every generation.
Status Host::prepare(Generation) {
  if (parts_->in_forked_child()) return fail(forked_error());
  return {};
}

Result<crypto::Key256> Host::derive(Generation generation, ByteView salt, ByteView info) {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->ring()->derive(generation, salt, info);
}

void Host::add_sealed_bytes(Generation generation, std::uint64_t bytes) {
  if (!parts_->in_forked_child()) parts_->add_sealed_bytes(generation, bytes);
}

store::SealGuard& Host::guard() {
  return parts_->guard();
}

Result<Generation> Host::rotate_dek() {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->rotate_dek();
}

Status Host::rotate_kek() {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->rotate_kek();
}

Status Host::rewrap() {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->rewrap();
}

Status Host::rewrap_to(const kms::KeySpec& spec) {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->rewrap_to(spec);
}

Result<LoadedPolicy> Host::policy() {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->policy_on_disk();
}

Result<std::uint64_t> Host::set_policy(const std::string& text, std::uint64_t expected) {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->set_policy(text, expected);
}

Result<FileWish> Host::report_files(FileReport report) {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->take_report(std::move(report));
}

Result<Generation> Host::reencrypt(bool rotate_first, std::uint64_t bytes_per_second) {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->reencrypt(rotate_first, bytes_per_second);
}

Result<CoverageReport> Host::coverage() {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->coverage();
}

Result<ShredReport> Host::shred() {
  if (parts_->in_forked_child()) return fail(forked_error());
  return parts_->shred();
}

void Host::set_engine(Engine engine) {
  parts_->engine().set(std::move(engine));
}

Status Host::order_seal() {
  return parts_->order_seal();
}

Status Host::order_unseal() {
  return parts_->order_unseal();
}

void Host::seal(const std::string& reason) {
  parts_->seal(reason);
}

HostStatus Host::status() const {
  return parts_->status();
}

bool Host::keeps_time() const {
  return parts_->keeps_time();
}

keyring::KeyRing& Host::ring() {
  return *parts_->ring();
}

}  // namespace keyhold::host
