#include "host/file_desk.h"

#include <algorithm>
#include <utility>

#include "host/lock_holders.h"
#include "store/presence.h"

namespace keyhold::host {
namespace {

// Reports come every second.
constexpr std::chrono::milliseconds kLook{100};

}  // namespace

FileDesk::FileDesk(io::FileSystem& files, const Clock& clock, const StoreLayout& layout)
    : files_(files), clock_(clock), paths_(layout), born_(clock.boot_now()) {}

Status FileDesk::load() {
  KEYHOLD_TRY_ASSIGN(const FileWish wish, read_wish(files_, paths_.wish));
  const std::lock_guard lock(mutex_);
  wish_ = wish;
  return {};
}

FileWish FileDesk::wish() const {
  const std::lock_guard lock(mutex_);
  return wish_;
}

Status FileDesk::want(const FileWish& wish) {
  KEYHOLD_TRY(write_wish(files_, paths_.wish, wish));
  const std::lock_guard lock(mutex_);
  wish_ = wish;
  return {};
}

bool FileDesk::is_silent(const Heard& heard) const {
  return heard.at + kSilence < clock_.boot_now();
}

FileDesk::Answer FileDesk::take(FileReport report) {
  bool looks = false;
  {
    const std::lock_guard lock(mutex_);
    Heard& reporter = heard_[report.process];
    reporter.at = clock_.boot_now();
    reporter.report = std::move(report);
    looks = std::ranges::any_of(heard_, [&](const auto& entry) {
      return !entry.second.held_lock || is_silent(entry.second);
    });
    reported_.notify_all();
  }
  if (looks) look_at_holders();
  const std::lock_guard lock(mutex_);
  const bool all_clean = std::ranges::all_of(heard_, [&](const auto& entry) {
    return is_silent(entry.second) || entry.second.report.clean == wish_.target;
  });
  return {.wish = wish_, .nothing_left = !wish_.none() && all_clean};
}

std::vector<store::OpenFileNote> FileDesk::open_files() const {
  const std::lock_guard lock(mutex_);
  std::vector<store::OpenFileNote> all;
  for (const auto& [process, heard] : heard_) {
    if (is_silent(heard)) continue;
    all.insert(all.end(), heard.report.open.begin(), heard.report.open.end());
  }
  return all;
}

std::vector<FileWorkerInfo> FileDesk::workers() const {
  const std::lock_guard lock(mutex_);
  std::vector<FileWorkerInfo> all;
  for (const auto& [process, heard] : heard_) {
    if (is_silent(heard)) continue;
    all.push_back({.pid = heard.report.pid,
                   .current = heard.report.current,
                   .older_open_files = heard.report.open.size(),
                   .problem = heard.report.problem});
  }
  return all;
}

// Each process that works on the files holds the engines' lock once. One that was seen with a lock
// and has none left is gone. One that is silent and was never seen with any may stand still where
// the kernel does not show it, and is kept.
FileDesk::Holders FileDesk::look_at_holders() {
  Holders holders = lock_holders(files_, paths_.engines);
  const std::lock_guard lock(mutex_);
  Holders unheard = holders;
  for (auto& [process, heard] : heard_) {
    const auto held = unheard.find(heard.report.pid);
    if (held == unheard.end()) continue;
    heard.held_lock = true;
    if (!is_silent(heard) && held->second > 0) --held->second;
  }
  std::erase_if(heard_, [&](const auto& entry) {
    const Heard& heard = entry.second;
    const auto left = unheard.find(heard.report.pid);
    return is_silent(heard) && heard.held_lock && (left == unheard.end() || left->second == 0);
  });
  return holders;
}

// REQUIRES: mutex_ is held. Whom to wait for; empty: nobody.
std::string FileDesk::missing(BootTime since, Generation current, Holders holders) const {
  for (const auto& [process, heard] : heard_) {
    if (heard.at < since || heard.report.current < current) {
      return "process " + std::to_string(heard.report.pid);
    }
    const auto held = holders.find(heard.report.pid);
    if (held != holders.end() && --held->second == 0) holders.erase(held);
  }
  // One that this host never heard of: it stood still when the host came.
  if (!holders.empty()) return "process " + std::to_string(holders.begin()->first);
  // Clients of an earlier host that have not met this one yet.
  return clock_.boot_now() < born_ + kSilence ? "an engine that was there before this host" : "";
}

void FileDesk::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  reported_.notify_all();
}

Status FileDesk::hear_from_all(Generation current, std::chrono::milliseconds patience) {
  const auto watch = store::Presence::watch(files_, paths_.engines);
  const Status nobody = watch->alone([]() -> Status { return {}; });
  if (nobody || nobody.error().code() != Code::busy) return nobody;
  const BootTime since = clock_.boot_now();
  std::string whom;
  for (auto waited = kLook; waited <= patience; waited += kLook) {
    const Holders holders = look_at_holders();
    std::unique_lock lock(mutex_);
    if (closed_) return fail(Code::busy, "the store's host is ending");
    whom = missing(since, current, holders);
    if (whom.empty()) return {};
    reported_.wait_for(lock, kLook);
  }
  return fail(Code::busy, whom +
                              " works on the store and has not said what it has open; try again, "
                              "or end it if it stands still");
}

}  // namespace keyhold::host
