#include "host/file_desk.h"

#include <algorithm>
#include <utility>

#include "store/presence.h"

namespace keyhold::host {
namespace {

// Reports come every second.
constexpr std::chrono::milliseconds kLook{100};
constexpr int kLooks = 150;

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

// REQUIRES: mutex_ is held.
void FileDesk::forget_silent() {
  const BootTime now = clock_.boot_now();
  std::erase_if(heard_, [&](const auto& entry) { return entry.second.at + kSilence < now; });
}

FileDesk::Answer FileDesk::take(FileReport report) {
  const std::lock_guard lock(mutex_);
  forget_silent();
  const std::uint64_t process = report.process;
  heard_.insert_or_assign(process, Heard{std::move(report), clock_.boot_now()});
  reported_.notify_all();
  const bool all_clean = std::ranges::all_of(
      heard_, [&](const auto& entry) { return entry.second.report.clean == wish_.target; });
  return {.wish = wish_, .nothing_left = !wish_.none() && all_clean};
}

std::vector<store::OpenFileNote> FileDesk::open_files() const {
  const std::lock_guard lock(mutex_);
  std::vector<store::OpenFileNote> all;
  for (const auto& [process, heard] : heard_) {
    if (heard.at + kSilence < clock_.boot_now()) continue;
    all.insert(all.end(), heard.report.open.begin(), heard.report.open.end());
  }
  return all;
}

std::vector<FileWorkerInfo> FileDesk::workers() const {
  const std::lock_guard lock(mutex_);
  std::vector<FileWorkerInfo> all;
  for (const auto& [process, heard] : heard_) {
    if (heard.at + kSilence < clock_.boot_now()) continue;
    all.push_back({.pid = heard.report.pid,
                   .current = heard.report.current,
                   .older_open_files = heard.report.open.size(),
                   .problem = heard.report.problem});
  }
  return all;
}

// REQUIRES: mutex_ is held. Whom to wait for; empty: nobody.
std::string FileDesk::missing(BootTime since, Generation current) const {
  for (const auto& [process, heard] : heard_) {
    if (heard.at < since || heard.report.current < current) {
      return "process " + std::to_string(heard.report.pid);
    }
  }
  // Clients of an earlier host that have not met this one yet.
  return clock_.boot_now() < born_ + kSilence ? "an engine that was there before this host" : "";
}

void FileDesk::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  reported_.notify_all();
}

Status FileDesk::hear_from_all(Generation current) {
  const auto watch = store::Presence::watch(files_, paths_.engines);
  const Status nobody = watch->alone([]() -> Status { return {}; });
  if (nobody || nobody.error().code() != Code::busy) return nobody;
  const BootTime since = clock_.boot_now();
  std::unique_lock lock(mutex_);
  std::string whom;
  for (int look = 0; look < kLooks && !closed_; ++look) {
    forget_silent();
    whom = missing(since, current);
    if (whom.empty()) return {};
    reported_.wait_for(lock, kLook);
  }
  return fail(Code::busy,
              whom + " works on the store and has not said what it has open; try again");
}

}  // namespace keyhold::host
