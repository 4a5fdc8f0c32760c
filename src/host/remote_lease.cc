// How a client keeps the right to use its keys: asks its host every two seconds, and seals where
// the host says so or is silent until the right has run out.
#include <algorithm>
#include <array>
#include <utility>

#include <poll.h>
#include <pthread.h>

#include "base/log.h"
#include "host/remote_keys.h"

namespace keyhold::host {
namespace {

constexpr nanoseconds kRenewal = std::chrono::seconds(2);
// While sealed, or while the host is silent: what a restart or an unseal waits for.
constexpr nanoseconds kSearch = std::chrono::milliseconds(500);
// A host answers at once or is not to be relied on.
constexpr nanoseconds kRenewalPatience = std::chrono::seconds(2);
// Where the right has run out while this process stood still: the host may be well.
constexpr nanoseconds kLastAttempt = std::chrono::milliseconds(500);

// What a host says while it has no keys to lend, as against one that cannot be heard.
bool has_sealed(Code code) {
  return code == Code::sealed || code == Code::wrong_key;
}

}  // namespace

void RemoteKeys::keep_lease() {
  pthread_setname_np(pthread_self(), "keyhold-lease");
  nanoseconds pause = kRenewal;
  for (;;) {
    wait_for_news(pause);
    pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&stop, 1, 0) > 0) return;
    pause = renew();
  }
}

// Until the host has something to say, is gone, or `longest` is over.
void RemoteKeys::wait_for_news(nanoseconds longest) {
  if (!watch_.open() && !sealed_here_) {
    auto watch = client().watch(Deadline::after(clock_, kRenewalPatience));
    if (watch) watch_ = *std::move(watch);
  }
  std::array<pollfd, 2> fds = {pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = watch_.get(), .events = POLLIN, .revents = 0}};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
  const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(milliseconds));
  if (ready > 0 && fds[1].revents != 0) watch_.reset();
}

// Returns how long to wait before the next one.
nanoseconds RemoteKeys::renew() {
  if (ring_is_other_) {
    seal_here("the store's key ring was replaced");
    return kRenewal;
  }
  const Status greeted = greet_in_time(guard_.lent_for(clock_));
  if (greeted) {
    if (!sealed_here_) return kRenewal;
    const Status served = serve_again();
    if (served) return kRenewal;
    log::warning("store " + layout_.root +
                 ": the keys did not come back: " + served.error().message());
    return kSearch;
  }
  const nanoseconds left = guard_.lent_for(clock_);
  if (has_sealed(greeted.error().code())) {
    // What the engine has acknowledged is not to be lost: its I/O is answered while it is fenced.
    // Not where it has run out: then nobody knows since when the host is sealed.
    if (!sealed_here_) guard_.lend_for(clock_, kDefaultFenceTimeout);
    seal_here(greeted.error().message());
  } else if (left == nanoseconds::zero()) {
    seal_here("the store's host was silent for too long: " + greeted.error().message());
  }
  return std::min(std::max(left, nanoseconds(std::chrono::milliseconds(1))), kSearch);
}

// Of a host that stands still nobody waits for much longer than the right lasts.
Status RemoteKeys::greet_in_time(nanoseconds left) {
  const auto patience = sealed_here_
                            ? kRenewalPatience
                            : std::clamp<nanoseconds>(left, kLastAttempt, kRenewalPatience);
  const Deadline deadline = Deadline::after(clock_, patience);
  const std::unique_lock lock(refresh_mutex_, patience);
  if (!lock.owns_lock()) return fail(Code::unavailable, "the host does not answer");
  Status greeted = greet(deadline);
  if (!greeted && greeted.error().code() == Code::wrong_key) ring_is_other_ = true;
  return greeted;
}

// Fence while I/O is answered, refuse, drain, wipe.
void RemoteKeys::seal_here(const std::string& reason) {
  if (sealed_here_) return;
  sealed_here_ = true;
  watch_.reset();
  const bool fenced = engine_.fence(reason, Deadline::after(clock_, kDefaultFenceTimeout));
  guard_.seal();
  if (!fenced) engine_.end(reason);
  log::warning("store " + layout_.root + " is sealed in this process: " + reason);
}

// The right is there again, greet() has seen to it; handles fetch what they need by themselves.
Status RemoteKeys::serve_again() {
  guard_.unseal();
  const Status fetched = fetch_up_to(Generation{newest_.load()}, Deadline::after(clock_, timeout_));
  if (!fetched) {
    guard_.seal();
    return fetched;
  }
  sealed_here_ = false;
  log::info("store " + layout_.root + ": this process serves again");
  engine_.resume();
  return {};
}

}  // namespace keyhold::host
