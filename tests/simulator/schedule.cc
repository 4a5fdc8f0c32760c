#include "schedule.h"

#include <algorithm>

namespace keyhold::simulator {

using namespace control;  // NOLINT(google-build-using-namespace): orders and policies

namespace {

using Trouble = void (*)(Scene&, Chance&);

void change(Scene& scene, const std::string& text) {
  scene.world.note("world ", text);
  scene.look();
}

std::string cmek_name(LockboxId key) {
  return "CMEK " + std::to_string(key);
}

LockboxId any_key(Scene& scene, Chance& chance) {
  return chance.any_of(scene.region.lockboxes);
}

Host& any_host(Scene& scene, Chance& chance) {
  return *chance.any_of(scene.hosts);
}

// Most troubles are over soon, some last.
nanoseconds some_time(Chance& chance) {
  switch (chance.below(4)) {
    case 0:
      return chance.between(milliseconds(100), milliseconds(1500));
    case 1:
      return chance.between(milliseconds(1500), seconds(8));
    case 2:
      return chance.between(seconds(8), seconds(25));
    default:
      return chance.between(seconds(25), seconds(80));
  }
}

void with_key(Scene& scene, LockboxId key, nanoseconds span, const std::string& what,
              const std::function<void(CmekState&)>& set, std::function<void(CmekState&)> unset) {
  set(scene.kms.cmek(key));
  change(scene, cmek_name(key) + " " + what);
  scene.world.after(span, [&scene, key, what, unset = std::move(unset)] {
    unset(scene.kms.cmek(key));
    change(scene, cmek_name(key) + " no longer " + what);
  });
}

void disable(Scene& scene, Chance& chance) {
  with_key(
      scene, any_key(scene, chance), some_time(chance), "is disabled",
      [](CmekState& cmek) { cmek.enabled = false; }, [](CmekState& cmek) { cmek.enabled = true; });
}

void take_trust(Scene& scene, Chance& chance) {
  with_key(
      scene, any_key(scene, chance), some_time(chance), "distrusts",
      [](CmekState& cmek) { cmek.trusted = false; }, [](CmekState& cmek) { cmek.trusted = true; });
}

void disturb_kms(Scene& scene, Chance& chance) {
  static const std::vector<std::pair<KmsMood, std::string>> kMoods = {
      {KmsMood::flapping, "flaps"},         {KmsMood::ambiguous, "answers ambiguously"},
      {KmsMood::throttled, "throttles"},    {KmsMood::refusing, "refuses connections"},
      {KmsMood::silent, "does not answer"},
  };
  const auto& [mood, text] = chance.any_of(kMoods);
  with_key(
      scene, any_key(scene, chance), some_time(chance), text,
      [mood = mood](CmekState& cmek) { cmek.mood = mood; },
      [](CmekState& cmek) { cmek.mood = KmsMood::well; });
}

void slow_kms(Scene& scene, Chance& chance) {
  const nanoseconds latency = chance.between(milliseconds(50), milliseconds(2500));
  with_key(
      scene, any_key(scene, chance), some_time(chance), "is slow",
      [latency](CmekState& cmek) { cmek.latency = latency; },
      [](CmekState& cmek) { cmek.latency = milliseconds(20); });
}

void cut_network(Scene& scene, Chance& chance) {
  Host& host = any_host(scene, chance);
  host.cut(chance.one_in(2) ? Network::silent : Network::refusing);
  change(scene, host.name() + " is cut off");
  scene.world.after(some_time(chance), [&scene, &host] {
    host.cut(Network::up);
    change(scene, host.name() + " is connected");
  });
}

// The attacker's, or an unlucky operator's, answer to a revocation.
void deny_then_cut(Scene& scene, Chance& chance) {
  disable(scene, chance);
  const nanoseconds until_cut = chance.between(milliseconds(100), seconds(6));
  const std::uint64_t seed = chance.below(1'000'000);
  scene.world.after(until_cut, [&scene, seed] {
    Chance own(seed);
    cut_network(scene, own);
  });
}

void stall(Scene& scene, Chance& chance) {
  any_host(scene, chance).stall_lease_thread(chance.between(milliseconds(50), seconds(13)));
}

void stop(Scene& scene, Chance& chance) {
  any_host(scene, chance).freeze(chance.between(milliseconds(50), seconds(15)), false);
}

void suspend(Scene& scene, Chance& chance) {
  any_host(scene, chance).freeze(chance.between(seconds(1), seconds(90)), true);
}

void jump_wall_clock(Scene& scene, Chance& chance) {
  const nanoseconds by = chance.between(seconds(-3600), seconds(3600));
  scene.world.wall_offset += by;
  change(scene, "the date jumps");
}

void crash(Scene& scene, Chance& chance) {
  Host& host = any_host(scene, chance);
  host.crash();
  scene.look();
  scene.world.after(chance.between(milliseconds(100), seconds(8)), [&host] { host.start(); });
}

void fill_disk(Scene& scene, Chance& chance) {
  Host& host = any_host(scene, chance);
  const bool read_only = chance.one_in(3);
  host.disk.full = true;
  host.disk.read_only = read_only;
  change(scene, host.name() + "'s disk is full");
  scene.world.after(some_time(chance), [&scene, &host] {
    host.disk.full = host.disk.read_only = false;
    host.disturb();
    change(scene, host.name() + "'s disk is well");
  });
}

void order(Scene& scene, Chance& chance) {
  const std::size_t place = chance.below(scene.customers.size());
  const SealCause cause = chance.one_in(3) ? SealCause::local_order : SealCause::order;
  Customer* customer = scene.customers[place];
  customer->order({.seals = true, .cause = cause});
  change(scene, scene.hosts[place]->name() + " is ordered to seal");
  // Sometimes the other one's order comes before the right one.
  const SealCause first = chance.one_in(2) ? cause : SealCause::local_order;
  scene.world.after(some_time(chance),
                    [customer, first] { customer->order({.seals = false, .cause = first}); });
  scene.world.after(seconds(30) + some_time(chance),
                    [customer, cause] { customer->order({.seals = false, .cause = cause}); });
}

void order_twice(Scene& scene, Chance& chance) {
  order(scene, chance);
  const std::uint64_t seed = chance.below(1'000'000);
  scene.world.after(chance.between(milliseconds(10), seconds(3)), [&scene, seed] {
    Chance own(seed);
    order(scene, own);
  });
}

void tell_all(Scene& scene, const LeaseEvent& event) {
  for (Host* host : scene.hosts) host->post(event);
}

// A new CMEK; grants to it may take a while, and the old one goes later.
void rewrap(Scene& scene, Chance& chance) {
  static constexpr std::size_t kMost = 4;
  if (scene.region.lockboxes.size() >= kMost) return;
  const LockboxId old_key = any_key(scene, chance);
  const LockboxId new_key = 1 + *std::ranges::max_element(scene.region.lockboxes);
  CmekState& cmek = scene.kms.cmek(new_key);
  cmek.trusted = chance.one_in(2);
  scene.region.lockboxes.push_back(new_key);
  tell_all(scene, LockboxAdded{new_key});
  change(scene, "rewrapped by " + cmek_name(new_key) + (cmek.trusted ? "" : ", not granted yet"));
  scene.world.after(chance.between(seconds(2), seconds(50)), [&scene, new_key] {
    scene.kms.cmek(new_key).trusted = true;
    change(scene, cmek_name(new_key) + " is granted");
  });
  scene.world.after(chance.between(seconds(5), seconds(70)), [&scene, old_key] {
    if (scene.region.lockboxes.size() < 2) return;
    if (std::erase(scene.region.lockboxes, old_key) > 0) tell_all(scene, LockboxRemoved{old_key});
    change(scene, cmek_name(old_key) + " is given up");
  });
}

void change_policy(Scene& scene, Chance& chance) {
  scene.region.policy = draw_policy(chance);
  tell_all(scene, PolicyChanged{scene.region.policy});
  change(scene, "the policy changes");
}

const std::vector<Trouble>& troubles() {
  static const std::vector<Trouble> kTroubles = {
      disable,     disable,     disable,  take_trust,      take_trust,    disturb_kms,
      disturb_kms, disturb_kms, slow_kms, cut_network,     cut_network,   deny_then_cut,
      stall,       stop,        suspend,  jump_wall_clock, crash,         fill_disk,
      order,       order_twice, rewrap,   rewrap,          change_policy,
  };
  return kTroubles;
}

}  // namespace

LeasePolicy draw_policy(Chance& chance) {
  static const std::vector<nanoseconds> kGraces = {seconds(0), seconds(5), seconds(20),
                                                   seconds(60)};
  LeasePolicy policy;
  policy.grace = chance.any_of(kGraces);
  policy.settling = seconds(40);
  policy.ambiguous = chance.one_in(2) ? AmbiguousRule::denial : AmbiguousRule::outage;
  policy.seal_when = chance.one_in(3) ? SealWhen::all_denied : SealWhen::any_denied;
  return policy;
}

void plan_troubles(Scene& scene, Chance& chance, nanoseconds span) {
  // Quiet runs show the bounds, wild ones the states that nobody thought of.
  const nanoseconds pace = chance.between(seconds(2), seconds(25));
  for (nanoseconds at = seconds(2); at < span; at += chance.between(milliseconds(50), 2 * pace)) {
    const Trouble trouble = chance.any_of(troubles());
    const std::uint64_t seed = chance.below(1'000'000'000);
    scene.world.after(at, [&scene, trouble, seed] {
      Chance own(seed);
      trouble(scene, own);
    });
  }
}

void heal(Scene& scene) {
  for (const LockboxId key : scene.region.lockboxes) scene.kms.cmek(key) = CmekState();
  for (Host* host : scene.hosts) {
    host->cut(Network::up);
    host->disk.full = host->disk.read_only = false;
    host->disturb();
    host->start();
  }
  for (Customer* customer : scene.customers) {
    customer->order({.seals = false, .cause = SealCause::local_order});
    customer->order({.seals = false, .cause = SealCause::order});
  }
  change(scene, "all is well again");
}

}  // namespace keyhold::simulator
