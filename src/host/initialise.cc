#include "host/initialise.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"
#include "format/keyring_anchor.h"
#include "host/config.h"
#include "host/host_parts.h"
#include "host/layout.h"
#include "host/recording_client.h"
#include "host/store_lock.h"
#include "store/store.h"

namespace keyhold::host {
namespace {

using keyring::KeyRing;

// Code::already_exists, and nothing touched, unless the directory is empty or was left so by us.
Status refuse_foreign(io::FileSystem& files, const StoreLayout& layout) {
  KEYHOLD_TRY_ASSIGN(const std::vector<std::string> names, files.list(layout.root));
  const auto foreign = std::ranges::find_if(
      names, [](const std::string& name) { return name != store::kPrivateFolder; });
  if (foreign != names.end()) {
    return fail(Code::already_exists,
                layout.root + " is not empty (" + *foreign +
                    " is in it): plaintext is never taken in silently; name a new or empty "
                    "directory");
  }
  KEYHOLD_TRY_ASSIGN(const bool half_made, io::exists(files, layout.being_made));
  if (half_made || names.empty()) return {};
  KEYHOLD_TRY_ASSIGN(const std::vector<std::string> ours, files.list(layout.directory));
  // An attempt that failed leaves its lock, and in the audit log what the KMS answered.
  const bool only_attempts = std::ranges::all_of(
      ours, [](const std::string& name) { return name == "lock" || name == "audit"; });
  if (only_attempts) return {};
  return fail(Code::already_exists, "there is a store at " + layout.root + " already");
}

Status make_if_missing(io::FileSystem& files, const std::string& path) {
  const Status made = files.make_directory(path, 0700);
  if (!made && made.error().code() != Code::already_exists) return made;
  return files.sync_directory(io::parent_path(path));
}

// The first step: from now on, everything in the private folder is of this making.
Status mark(io::FileSystem& files, const StoreLayout& layout) {
  return io::replace_file(files, layout.being_made, as_bytes("keyhold store init\n"));
}

// What an interrupted making left. REQUIRES: marked, so none of it was ever in use.
Status clear(io::FileSystem& files, const StoreLayout& layout) {
  KEYHOLD_TRY_ASSIGN(const std::vector<std::string> names, files.list(layout.directory));
  for (const std::string& name : names) {
    const std::string path = io::join_path(layout.directory, name);
    if (path == layout.lock || path == layout.being_made || path == layout.audit) continue;
    KEYHOLD_TRY(files.remove(path));
  }
  return files.sync_directory(layout.directory);
}

// The anchor of a key ring that was never in use goes with it. REQUIRES: marked.
Status clear_anchor(io::FileSystem& files, const StoreLayout& layout, const std::string& path) {
  const auto half_made = KeyRing::inspect(files, layout.directory);
  if (path.empty() || !half_made) return {};
  const auto bytes = io::read_file(files, path, format::kAnchorSizeBytes);
  if (!bytes) return {};
  const auto anchor = format::parse_anchor(*bytes);
  if (!anchor || anchor->store != half_made->contents.store) return {};
  KEYHOLD_TRY(files.remove(path));
  return files.sync_directory(io::parent_path(path));
}

Status unmark(io::FileSystem& files, const StoreLayout& layout) {
  KEYHOLD_TRY(files.remove(layout.being_made));
  return files.sync_directory(layout.directory);
}

void warn_of_near_anchor(io::FileSystem& files, const StoreLayout& layout,
                         const std::string& anchor_path) {
  if (anchor_path.empty()) return;
  const auto anchor = files.info(io::parent_path(anchor_path));
  const auto store = files.info(layout.root);
  if (anchor && store && anchor->device == store->device) {
    log::warning("the anchor " + anchor_path +
                 " lies on the store's own file system: who can put back an old copy of one can "
                 "put back the other");
  }
}

std::shared_ptr<keyring::Anchor> anchor_at(io::FileSystem& files, const std::string& path) {
  if (path.empty()) return nullptr;
  return std::make_shared<keyring::FileAnchor>(files, path);
}

Result<std::unique_ptr<KeyRing>> make_ring(const Environment& environment,
                                           const StoreLayout& layout, const StorePlan& plan,
                                           kms::Client& client, nanoseconds kms_timeout) {
  return KeyRing::create(environment, layout.directory, plan.identity, plan.rotation, client,
                         Deadline::after(environment.clock, kms_timeout),
                         anchor_at(environment.files, plan.anchor_path));
}

// What was asked of the KMS until now: so the first host finds a log that it can check. (A damaged
// one that an earlier attempt left is in the log by then, and in the process's own.)
void sign_log(audit::Log& log, const KeyRing& ring) {
  static_cast<void>(log.unseal({.event = std::string(audit::events::kStart),
                                .cause = "the store is made",
                                .store = ring.store_id().hex()},
                               audit_signer(ring)));
  log.seal({.event = std::string(audit::events::kStop)});
}

}  // namespace

Result<StoreId> initialise_store(const Environment& environment, const std::string& store_path,
                                 const StorePlan& plan, const ClientFactory& clients,
                                 nanoseconds kms_timeout) {
  io::FileSystem& files = environment.files;
  const StoreLayout layout(store_path);
  KEYHOLD_TRY(check_own_process());
  KEYHOLD_TRY(check_anchor_path(plan.anchor_path));
  const kms::Caller caller = keyring::caller_of(plan.identity);
  // Before anything is made: a key spec that is none.
  KEYHOLD_TRY(make_client(clients_or_default(clients, environment), plan.key, caller));
  KEYHOLD_TRY(make_if_missing(files, layout.root));
  KEYHOLD_TRY(refuse_foreign(files, layout));
  KEYHOLD_TRY(make_if_missing(files, layout.directory));
  KEYHOLD_TRY_ASSIGN(const auto lock, StoreLock::take(files, layout, "keyhold store init"));
  KEYHOLD_TRY(refuse_foreign(files, layout));  // what another one made before we had the lock
  KEYHOLD_TRY(mark(files, layout));
  KEYHOLD_TRY(clear_anchor(files, layout, plan.anchor_path));
  KEYHOLD_TRY(clear(files, layout));
  KEYHOLD_TRY_ASSIGN(const auto log, audit::Log::open(files, environment.clock, layout.audit));
  KEYHOLD_TRY_ASSIGN(
      const auto client,
      make_client(recording(clients_or_default(clients, environment), *log), plan.key, caller));
  auto ring = make_ring(environment, layout, plan, *client, kms_timeout);
  if (!ring) {
    // Where tidying up fails too, the mark stays, and the next call does it.
    const Status tidied = clear_anchor(files, layout, plan.anchor_path);
    if (tidied && clear(files, layout)) (void)unmark(files, layout);
    return fail(std::move(ring).error());
  }
  KEYHOLD_TRY(write_config(files, layout, **ring, plan.anchor_path));
  sign_log(*log, **ring);
  KEYHOLD_TRY(unmark(files, layout));
  warn_of_near_anchor(files, layout, plan.anchor_path);
  return (*ring)->store_id();
}

}  // namespace keyhold::host
