// What happens to one region in one run, drawn from a seed.
#pragma once

#include "customer.h"
#include "host.h"
#include "kms.h"
#include "world.h"

namespace keyhold::simulator {

// All that a run is made of.
struct Scene {
  World& world;
  Kms& kms;
  Region& region;
  std::vector<Host*> hosts;
  std::vector<Customer*> customers;  // of the host of the same place
  std::function<void()> look;        // after each change
};

// A policy that a customer may have, with clocks short enough for a run.
control::LeasePolicy draw_policy(Chance& chance);

// Draws the troubles of `span` from now and plans them.
void plan_troubles(Scene& scene, Chance& chance, nanoseconds span);

// Ends every trouble, lifts every order.
void heal(Scene& scene);

}  // namespace keyhold::simulator
