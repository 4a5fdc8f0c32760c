// Who orders a host to seal and unseal, the customer (REVOKE, RESTORE) and the operator: one order
// after the other, sent again to a host that crashed before it was carried out.
#pragma once

#include <deque>

#include "host.h"

namespace keyhold::simulator {

struct Order {
  bool seals = false;
  control::SealCause cause{};
};

class Customer {
 public:
  Customer(World& world, Host& host) : world_(world), host_(host) {}

  void order(const Order& order) { orders_.push_back(order); }
  // Often: sends, looks whether it was done, reads.
  void poll();

  // Whether a seal was acknowledged that no order has lifted since.
  [[nodiscard]] const std::optional<control::SealCause>& in_force() const { return in_force_; }
  [[nodiscard]] bool waiting() const { return !orders_.empty(); }
  // Since when no order is in force or under way.
  [[nodiscard]] BootTime free_since() const { return free_since_; }

 private:
  void send(const Order& order);
  [[nodiscard]] bool done(const Order& order) const;
  void check_time(const Order& order) const;

  World& world_;
  Host& host_;
  std::deque<Order> orders_;
  int sent_to_ = -1;  // incarnation
  BootTime sent_at_{};
  std::optional<control::SealCause> in_force_;
  BootTime free_since_{};
};

}  // namespace keyhold::simulator
