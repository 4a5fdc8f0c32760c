#include "customer.h"

#include <algorithm>

namespace keyhold::simulator {

using control::SealCause;

void Customer::send(const Order& order) {
  sent_to_ = host_.incarnation();
  sent_at_ = world_.now();
  if (order.seals) return host_.post(control::SealOrdered{order.cause});
  if (in_force_ == order.cause) in_force_.reset();  // from now on it may serve
  host_.post(control::UnsealOrdered{order.cause});
}

bool Customer::done(const Order& order) const {
  const auto on_disk = host_.tombstone_on_disk();
  if (!on_disk) return false;
  if (!order.seals) return *on_disk != order.cause && host_.lease().tombstone() != order.cause;
  const bool left = *on_disk == order.cause || *on_disk == SealCause::order;
  return left && !host_.opens_io();
}

void Customer::check_time(const Order& order) const {
  const BootTime since = std::max(sent_at_, host_.calm_since());
  const bool disturbed = host_.calm_since() == BootTime::max() || host_.disk.full ||
                         host_.disk.read_only || !order.seals;
  if (disturbed || world_.now() - since < seconds(3)) return;
  world_.violated("an order seals within 3 s", host_.name() + ": an order was not carried out");
}

void Customer::poll() {
  if (host_.read() && in_force_) {
    world_.violated("a tombstone holds",
                    host_.name() + " serves though it was ordered to seal, and said it had");
  }
  if (orders_.empty()) {
    if (in_force_) free_since_ = world_.now();
    return;
  }
  free_since_ = world_.now();
  if (!host_.running()) return;
  const Order order = orders_.front();
  if (sent_to_ != host_.incarnation()) send(order);
  if (!host_.running() || !done(order)) return check_time(order);
  if (order.seals && in_force_ != SealCause::order) in_force_ = order.cause;
  orders_.pop_front();
  sent_to_ = -1;
}

}  // namespace keyhold::simulator
