#include "host.h"

#include <algorithm>

#include "control/test_describe.h"

namespace keyhold::simulator {

using namespace control;  // NOLINT(google-build-using-namespace): its driver

namespace {

constexpr nanoseconds kProbeDeadline = seconds(1);

}  // namespace

Host::Host(World& world, Kms& kms, Region& region, int number, Bug bug, bool late_answers)
    : world_(world),
      kms_(kms),
      region_(region),
      name_("host " + std::to_string(number)),
      bug_(bug),
      late_answers_(late_answers) {}

bool Host::serving() const {
  if (!mutant_) return false;
  const LeasePhase phase = lease().phase();
  return phase == LeasePhase::serving || phase == LeasePhase::degraded;
}

std::optional<std::optional<SealCause>> Host::tombstone_on_disk() const {
  if (!running() || tombstone_pending_) return std::nullopt;
  return believed_tombstone_;
}

BootTime Host::calm_since() const {
  const BootTime disturbed = std::max({calm_since_, frozen_until_, stalled_until_});
  return running() && disturbed <= world_.now() ? disturbed : BootTime::max();
}

// Two bugs have the lease run on another clock.
BootTime Host::lease_now() {
  BootTime now = world_.now();
  if (bug_ == Bug::grace_on_wall_clock) now += world_.wall_offset;
  if (bug_ == Bug::suspend_not_counted) now -= suspended_;
  last_lease_now_ = std::max(last_lease_now_, now);
  return last_lease_now_;
}

std::function<void()> Host::as_this(std::function<void()> what) {
  return [this, what = std::move(what), incarnation = incarnation_] {
    if (!alive_ || incarnation != incarnation_) return;
    if (world_.now() < frozen_until_) return world_.at(frozen_until_, as_this(what));
    what();
  };
}

void Host::soon(nanoseconds span, std::function<void()> what) {
  world_.after(span, as_this(std::move(what)));
}

void Host::crash() {
  if (!alive_) return;
  note("crashes");
  alive_ = keys_here_ = guard_open_ = tombstone_pending_ = false;
  mutant_.reset();
  oracle_.reset();
  inbox_.clear();
  pumping_later_ = false;
  probes_under_way_.clear();
  sessions_.clear();
  ++incarnation_;
}

void Host::freeze(nanoseconds span, bool suspended) {
  note(suspended ? "is suspended" : "is stopped");
  frozen_until_ = std::max(frozen_until_, world_.now() + span);
  if (suspended) suspended_ += span;
}

void Host::stall_lease_thread(nanoseconds span) {
  note("its lease thread stalls");
  stalled_until_ = std::max(stalled_until_, world_.now() + span);
}

void Host::post(const LeaseEvent& event) {
  post_began(event, BootTime());
}

void Host::post_began(const LeaseEvent& event, BootTime began) {
  if (!running()) return;
  inbox_.push_back({event, began});
  pump();
}

void Host::pump() {
  const BootTime held = std::max(frozen_until_, stalled_until_);
  if (world_.now() < held) {
    if (std::exchange(pumping_later_, true)) return;
    return world_.at(held, as_this([this] {
                       pumping_later_ = false;
                       pump();
                     }));
  }
  while (running() && !inbox_.empty()) {
    const Post next = inbox_.front();
    inbox_.pop_front();
    take(next);
  }
}

void Host::take(const Post& post) {
  oracle_->before(post.event, lease().phase());
  LeaseEvent told = post.event;
  if (auto* ended = std::get_if<ProbeEnded>(&told)) ended->began = post.began;
  const auto* order = std::get_if<SealOrdered>(&told);
  const bool overwrites = bug_ == Bug::revoke_overwritten_by_local_seal && order != nullptr &&
                          order->cause == SealCause::local_order && lease().tombstone();
  const LeaseStep step = mutant_->step(told, lease_now(), world_.chance.fraction());
  const LeasePhase phase = lease().phase();
  if (!std::holds_alternative<Tick>(told) || !step.actions.empty()) {
    note(describe(told) + " -> " + std::string(name_of(phase)) + "  " + describe(step.actions));
  }
  lent_until_ = lease().valid_until();
  for (const LeaseAction& action : step.actions) carry_out(action);
  if (serving()) guard_open_ = true;
  if (overwrites) disk.tombstone = SealCause::local_order;
  ring_at(step.wake_at);
  oracle_->after(step, phase);
  check();
}

void Host::check() const {
  const LeasePhase phase = lease().phase();
  if (keys_here_ && phase == LeasePhase::sealed) {
    world_.violated("no key after a seal", name_ + ": keys are here while it is sealed");
  }
  if (serving() && kek_ != region_.kek) {
    world_.violated("a region has one KEK", name_ + " serves under a KEK that is not its region's");
  }
}

void Host::ring_at(BootTime when) {
  if (when == BootTime::max()) return;
  // By the lease's clock, which two bugs spoil; a date that jumps wakes nobody.
  nanoseconds span = std::max(when - lease_now(), nanoseconds::zero());
  if (bug_ == Bug::grace_on_wall_clock) span = std::min<nanoseconds>(span, milliseconds(200));
  const nanoseconds late = world_.chance.between({}, milliseconds(3));
  soon(span + late, [this, ring = ++ring_] {
    if (ring == ring_) post(Tick{});
  });
}

void Host::carry_out(const LeaseAction& action) {
  std::visit(Overloaded{
                 [&](const Probe& probe) {
                   oracle_->probe_asked(probe.lockbox);
                   begin_probe(probe.lockbox);
                   if (bug_ == Bug::probes_overlap && world_.chance.one_in(20)) {
                     begin_probe(probe.lockbox);
                   }
                 },
                 [&](const Seal&) { begin_seal(); },
                 [&](const Unseal&) { begin_fetch(); },
                 [&](const WriteTombstone& write) { sync_tombstone(write.cause); },
                 [&](const ClearTombstone&) { sync_tombstone(std::nullopt); },
                 [](const Alert&) {},
             },
             action);
}

void Host::begin_seal() {
  guard_open_ = false;
  soon(world_.chance.between(milliseconds(5), milliseconds(900)), [this] {
    if (bug_ != Bug::wipe_forgotten) keys_here_ = false;
    post(SealEnded{});
  });
}

void Host::begin_probe(LockboxId key) {
  if (++probes_under_way_[key] > 1) {
    world_.violated("one probe at a time", name_ + ": two probes of " + std::to_string(key));
  }
  soon(world_.chance.between({}, milliseconds(3)), [this, key] {
    auto session = std::make_shared<std::optional<Session>>();
    if (bug_ == Bug::stale_probe_credentials) {
      session = sessions_.try_emplace(key, session).first->second;
    }
    const BootTime began = world_.now();
    const auto end = [this, key, began, lease_began = lease_now()](ProbeAnswer answer) {
      post_began(ProbeEnded{key, began, answer}, lease_began);
    };
    const auto done = [this, key, end](ProbeAnswer answer) {
      --probes_under_way_[key];
      end(answer);
    };
    call(key, session, done, end);
  });
}

void Host::call(LockboxId key, const std::shared_ptr<std::optional<Session>>& session,
                const std::function<void(ProbeAnswer)>& done,
                const std::function<void(ProbeAnswer)>& late) {
  const auto over = std::make_shared<bool>(false);
  soon(kProbeDeadline, [over, done] {
    if (!std::exchange(*over, true)) done(ProbeAnswer::unavailable);
  });
  const int incarnation = incarnation_;
  kms_.unwrap(key, network_, session, [=, this](std::optional<ProbeAnswer> answer) {
    if (!answer || !alive_ || incarnation != incarnation_) return;
    soon({}, [=, this] {
      if (!std::exchange(*over, true)) return done(*answer);
      if (late_answers_) late(*answer);
    });
  });
}

// The lockboxes one after the other, until one gives the KEK; else the most telling answer.
void Host::call_each(std::size_t index, ProbeAnswer worst,
                     const std::function<void(ProbeAnswer)>& done) {
  if (index >= region_.lockboxes.size()) return done(worst);
  const auto next = [this, index, worst, done](ProbeAnswer answer) {
    if (answer == ProbeAnswer::success) return done(answer);
    call_each(index + 1, answer == ProbeAnswer::denied ? answer : worst, done);
  };
  call(region_.lockboxes[index], std::make_shared<std::optional<Session>>(), next,
       [](ProbeAnswer) {});
}

void Host::begin_fetch() {
  call_each(0, ProbeAnswer::unavailable, [this](ProbeAnswer answer) {
    if (answer != ProbeAnswer::success) return post(KeysNotFetched{answer});
    soon(world_.chance.between({}, seconds(1)), [this] {  // the key ring's own reading
      keys_here_ = true;
      post(KeysFetched{});
    });
  });
}

void Host::sync_tombstone(std::optional<SealCause> cause) {
  tombstone_pending_ = true;
  const bool fails = cause ? disk.full : disk.read_only;
  if (fails) {
    note("the tombstone cannot be changed");
    return soon(milliseconds(300), [this, cause, attempt = ++tombstone_try_] {
      if (attempt == tombstone_try_) sync_tombstone(cause);
    });
  }
  ++tombstone_try_;
  const bool lost = cause ? bug_ == Bug::tombstone_lost : bug_ == Bug::tombstone_comes_back;
  if (!lost) disk.tombstone = cause;
  believed_tombstone_ = cause;
  tombstone_pending_ = false;
}

bool Host::read() {
  if (!running() || world_.now() < frozen_until_ || !guard_open_ || !keys_here_) return false;
  if (bug_ != Bug::guard_without_clock && lease_now() >= lent_until_) return false;
  oracle_->served();
  return true;
}

}  // namespace keyhold::simulator
