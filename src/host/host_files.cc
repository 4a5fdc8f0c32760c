// What the host knows and orders of the store's files: coverage, re-encryption, shredding.
#include <set>
#include <utility>

#include "audit/events.h"
#include "base/log.h"
#include "host/host_parts.h"
#include "store/coverage.h"

namespace keyhold::host {
namespace {

constexpr nanoseconds kNothingDue = std::chrono::hours(1);

// The host's keys for reading headers.
class HeaderKeys final : public store::KeySource {
 public:
  HeaderKeys(keyring::KeyRing& ring, store::SealGuard& guard) : ring_(ring), guard_(guard) {}

  [[nodiscard]] StoreId store_id() const override { return ring_.store_id(); }
  [[nodiscard]] Result<Generation> current_generation() override {
    return ring_.current_generation();
  }
  [[nodiscard]] Status prepare(Generation) override { return {}; }
  [[nodiscard]] Result<crypto::Key256> derive(Generation generation, ByteView salt,
                                              ByteView info) override {
    return ring_.derive(generation, salt, info);
  }
  void add_sealed_bytes(Generation, std::uint64_t) override {}
  [[nodiscard]] store::SealGuard& guard() override { return guard_; }

 private:
  keyring::KeyRing& ring_;
  store::SealGuard& guard_;
};

// What was renamed over an older file stays so after a power loss.
Status make_names_durable(store::Store& store) {
  KEYHOLD_TRY_ASSIGN(const auto names, store.list_names());
  std::set<std::string> folders;
  for (const store::StoreName& name : names) folders.insert(io::parent_path(name.path));
  for (const std::string& folder : folders) KEYHOLD_TRY(store.files().sync_directory(folder));
  return {};
}

bool is_older(const store::OpenFileNote& note, Generation current) {
  return note.oldest < current;
}

}  // namespace

void HostParts::start_file_work() {
  const Status loaded = desk_.load();
  if (!loaded) note_upkeep("re-encryption", loaded);
  if (!options_.start_socket) return;
  file_orders_.start([this] {
    if (nothing_left_.exchange(false)) (void)coverage();
    return kNothingDue;
  });
}

FileWish HostParts::take_report(FileReport report) {
  const FileDesk::Answer answer = desk_.take(std::move(report));
  if (answer.nothing_left && !nothing_left_.exchange(true)) file_orders_.wake();
  return answer.wish;
}

// A wish that came true is over.
Result<CoverageReport> HostParts::coverage() {
  KEYHOLD_TRY_ASSIGN(keyring::KeyRing * opened, usable_ring());
  HeaderKeys keys(*opened, guard_);
  store::Store store(environment_.files, keys, environment_.random, layout_.root);
  CoverageReport report;
  report.store = opened->store_id();
  KEYHOLD_TRY_ASSIGN(report.current, opened->current_generation());
  KEYHOLD_TRY_ASSIGN(report.coverage, store::cover(store, report.current, desk_.open_files()));
  const auto contents = opened->contents();
  report.oldest = contents.generations.front().generation;
  for (const keyring::GenerationInfo& info : contents.generations) {
    report.kek_versions[info.generation] = info.kek_version;
  }
  report.workers = desk_.workers();
  report.wish = desk_.wish();
  if (!report.wish.none() && report.coverage.older_than(report.wish.target).files == 0) {
    KEYHOLD_TRY(desk_.want({}));
    record({.event = std::string(audit::events::kReencryptEnd),
            .dek_generation = number(report.wish.target)});
    log::info("store " + layout_.root + ": every file stands under DEK generation " +
              std::to_string(number(report.wish.target)) + " or later");
    report.wish = {};
  }
  return report;
}

Result<Generation> HostParts::reencrypt(bool rotate_first, std::uint64_t bytes_per_second) {
  KEYHOLD_TRY_ASSIGN(keyring::KeyRing * opened, usable_ring());
  if (rotate_first) KEYHOLD_TRY(rotate_dek());
  KEYHOLD_TRY_ASSIGN(const Generation current, opened->current_generation());
  KEYHOLD_TRY(desk_.want({.target = current, .bytes_per_second = bytes_per_second}));
  record({.event = std::string(audit::events::kReencryptBegin), .dek_generation = number(current)});
  return current;
}

// First all processes make new files under the current generation only; then nothing older is found
// under any name; then all say anew that no handle has anything older open. From there on nothing
// can need the older DEKs, and the config does not either.
Result<ShredReport> HostParts::shred() {
  KEYHOLD_TRY_ASSIGN(keyring::KeyRing * opened, usable_ring());
  KEYHOLD_TRY_ASSIGN(const Generation current, opened->current_generation());
  const std::size_t before = opened->contents().generations.size();
  KEYHOLD_TRY(desk_.hear_from_all(current));
  KEYHOLD_TRY_ASSIGN(const CoverageReport report, coverage());
  if (report.coverage.older_than(current).files > 0) {
    return fail(Code::busy, why_not_shredded(report));
  }
  KEYHOLD_TRY(desk_.hear_from_all(current));
  // Twice: a file that was renamed under the first look is found by the second.
  KEYHOLD_TRY_ASSIGN(const CoverageReport again, coverage());
  if (again.coverage.older_than(current).files > 0) {
    return fail(Code::busy, why_not_shredded(again));
  }
  for (const store::OpenFileNote& note : desk_.open_files()) {
    if (!is_older(note, current)) continue;
    return fail(Code::busy, "a process has a file under DEK generation " +
                                std::to_string(number(note.oldest)) + " open; try again");
  }
  HeaderKeys keys(*opened, guard_);
  store::Store store(environment_.files, keys, environment_.random, layout_.root);
  KEYHOLD_TRY(make_names_durable(store));
  KEYHOLD_TRY(write_config(environment_.files, layout_, *opened, anchor_path_));
  const Status shredded = note_kms(opened->shred_before(current, clients_, kms_deadline()));
  record_outcome(
      audit::events::kShred, shredded,
      {.dek_generation = number(current), .kek_version = opened->contents().kek_version});
  // The KEK is another one by now, also where what followed failed: the log is signed with it, and
  // the lease probes its wrap, not that of a version which the customer may withdraw.
  if (audit_) audit_->checkpoint();
  follow_lockboxes();
  KEYHOLD_TRY(shredded);
  const keyring::Contents contents = opened->contents();
  const auto gone = static_cast<std::uint32_t>(before - contents.generations.size());
  if (gone > 0) {
    log::warning("store " + layout_.root + ": shredded " + std::to_string(gone) +
                 " DEK generations before " + std::to_string(number(current)));
  }
  return ShredReport{
      .generations = gone, .oldest_kept = current, .kek_version = contents.kek_version};
}

// What asks no KMS of the upkeep's waits for nobody's KMS.
void HostParts::post_file_order(ControlServer::Respond respond,
                                std::function<Result<format::ControlReply>()> order) {
  post_to(file_orders_, std::move(respond), std::move(order));
}

// False where the request is of another kind.
bool HostParts::handle_files(const format::ControlRequest& request,
                             ControlServer::Respond& respond) {
  if (const auto* wanted = std::get_if<format::ReencryptRequest>(&request)) {
    post_file_order(std::move(respond), [this, order = *wanted]() -> Result<format::ControlReply> {
      KEYHOLD_TRY_ASSIGN(const Generation target,
                         reencrypt(order.rotate_first, order.bytes_per_second));
      return format::ReencryptReply{target};
    });
    return true;
  }
  if (std::holds_alternative<format::CoverageRequest>(request)) {
    post_file_order(std::move(respond), [this]() -> Result<format::ControlReply> {
      KEYHOLD_TRY_ASSIGN(const CoverageReport report, coverage());
      return format::CoverageReply{to_json_text(report)};
    });
    return true;
  }
  if (!std::holds_alternative<format::ShredRequest>(request)) return false;
  post_file_order(std::move(respond), [this]() -> Result<format::ControlReply> {
    KEYHOLD_TRY_ASSIGN(const ShredReport report, shred());
    return format::ShredReply{.generations = report.generations,
                              .oldest_kept = report.oldest_kept,
                              .kek_version = report.kek_version};
  });
  return true;
}

}  // namespace keyhold::host
