// What a forked child must drop of its parent's: the store's lock, listening sockets, threads that
// it does not have.
#pragma once

#include <functional>

namespace keyhold::host {

class ForkWatch {
 public:
  // `in_child` is called in every forked child, before fork() returns there: it may close and set
  // flags, but take no lock, because threads that are no more may hold it.
  explicit ForkWatch(std::function<void()> in_child);
  ForkWatch(const ForkWatch&) = delete;
  ForkWatch& operator=(const ForkWatch&) = delete;
  ~ForkWatch();

 private:
  friend void after_fork_in_child();
  std::function<void()> in_child_;
};

}  // namespace keyhold::host
