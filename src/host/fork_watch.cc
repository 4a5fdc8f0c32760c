#include "host/fork_watch.h"

#include <list>
#include <mutex>
#include <utility>

#include <pthread.h>

namespace keyhold::host {
namespace {

struct Registry {
  std::mutex mutex;
  std::list<ForkWatch*> watches;
};

// Never destroyed: a fork may come while the process exits.
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

// The mutex is held over the fork, so that the child finds the list whole.
void before_fork() {
  registry().mutex.lock();
}
void after_fork_in_parent() {
  registry().mutex.unlock();
}

}  // namespace

void after_fork_in_child() {
  for (ForkWatch* watch : registry().watches) watch->in_child_();
  registry().mutex.unlock();
}

ForkWatch::ForkWatch(std::function<void()> in_child) : in_child_(std::move(in_child)) {
  static const int hooked = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  (void)hooked;
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  known.watches.push_back(this);
}

ForkWatch::~ForkWatch() {
  Registry& known = registry();
  const std::lock_guard lock(known.mutex);
  known.watches.remove(this);
}

}  // namespace keyhold::host
