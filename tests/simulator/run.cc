#include "run.h"

#include <memory>

#include "schedule.h"
#include "watch.h"

namespace keyhold::simulator {
namespace {

constexpr nanoseconds kTroubled = seconds(150);
constexpr nanoseconds kAftermath = seconds(200);  // troubles that began late, and end by themselves
constexpr nanoseconds kHealed = seconds(60);      // and whoever is suspended wakes
constexpr nanoseconds kLookEvery = milliseconds(100);

// A host with those who look after it.
struct Place {
  Place(World& world, Kms& kms, Region& region, int number, Bug bug, bool late_answers)
      : host(world, kms, region, number, bug, late_answers),
        customer(world, host),
        watch(world, kms, region, host, customer) {}
  Host host;
  Customer customer;
  Watch watch;
};

class Run {
 public:
  Run(std::uint64_t seed, Bug bug, bool tracing)
      : plan_(seed), world_(seed + (std::uint64_t{1} << 32U), tracing), kms_(world_) {
    region_.policy = draw_policy(plan_);
    const LockboxId lockboxes = 1 + static_cast<LockboxId>(plan_.below(3));
    for (LockboxId key = 1; key <= lockboxes; ++key) {
      region_.lockboxes.push_back(key);
      kms_.cmek(key);
    }
    const bool late_answers = plan_.one_in(2);
    const int hosts = 1 + static_cast<int>(plan_.below(2));
    for (int number = 1; number <= hosts; ++number) {
      places_.push_back(std::make_unique<Place>(world_, kms_, region_, number, bug, late_answers));
      scene_.hosts.push_back(&places_.back()->host);
      scene_.customers.push_back(&places_.back()->customer);
    }
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Outcome go() {
    for (const auto& place : places_) {
      world_.after(plan_.between({}, milliseconds(40)), [&place] { place->host.start(); });
    }
    look_again();
    plan_troubles(scene_, plan_, kTroubled);
    world_.run_until(world_.now() + kAftermath);
    heal(scene_);
    world_.run_until(world_.now() + kHealed);
    for (const auto& place : places_) {
      if (!place->host.serving()) {
        world_.violated("healed, so it serves", place->host.name() + " does not");
      }
    }
    return {world_.violation(), world_.trace()};
  }

 private:
  void look() {
    for (const auto& place : places_) place->watch.look();
  }
  void look_again() {
    for (const auto& place : places_) place->customer.poll();
    look();
    world_.after(kLookEvery, [this] { look_again(); });
  }

  Chance plan_;
  World world_;
  Kms kms_;
  Region region_;
  std::vector<std::unique_ptr<Place>> places_;
  Scene scene_{world_, kms_, region_, {}, {}, [this] { look(); }};
};

}  // namespace

Outcome run(std::uint64_t seed, Bug bug, bool tracing) {
  return Run(seed, bug, tracing).go();
}

}  // namespace keyhold::simulator
