#include "store/presence.h"

#include <chrono>
#include <thread>

namespace keyhold::store {
namespace {

constexpr std::chrono::milliseconds kPause{5};
constexpr int kAttempts = 2000;  // ten seconds: a swap takes milliseconds

}  // namespace

Result<std::unique_ptr<Presence>> Presence::join(io::FileSystem& files, const std::string& path) {
  std::unique_ptr<Presence> presence(new Presence(files, path, true));
  KEYHOLD_TRY(presence->share());
  return presence;
}

std::unique_ptr<Presence> Presence::watch(io::FileSystem& files, const std::string& path) {
  return std::unique_ptr<Presence>(new Presence(files, path, false));
}

// Another process tells nobody when its swap is over: we look again.
Status Presence::share() {
  for (int attempt = 1;; ++attempt) {
    auto taken = files_.lock(path_, true);
    if (taken) {
      share_ = *std::move(taken);
      return {};
    }
    if (taken.error().code() != Code::busy || attempt == kAttempts) return fail(taken.error());
    std::this_thread::sleep_for(kPause);  // bounded poll of another process
  }
}

// Between the two locks another process may come, but none may swap: re-encryptors exclude one
// another.
Status Presence::alone(const std::function<Status()>& swap) {
  share_.reset();
  auto taken = files_.lock(path_);
  Status outcome;
  if (taken) {
    outcome = swap();
    taken->reset();
  } else {
    outcome = fail(taken.error().code() == Code::busy
                       ? Error(Code::busy, "another process works on the store")
                       : taken.error());
  }
  if (!present_) return outcome;
  const Status shared = share();
  return outcome ? shared : outcome;
}

}  // namespace keyhold::store
