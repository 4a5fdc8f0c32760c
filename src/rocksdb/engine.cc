#include "rocksdb/engine.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "host/upkeep.h"

namespace keyhold::rocks {
namespace {

// One store's handler and the thread that calls it: a handler that hangs must not hold up the seal.
class Desk {
 public:
  Desk() {
    thread_.start([] { return std::chrono::hours(1); });
  }

  void set(SealHandler handler) {
    const std::lock_guard lock(call_mutex_);
    handler_ = std::move(handler);
  }

  // Whether the handler closed what it had by the deadline.
  bool seal(const std::string& reason, Deadline deadline) {
    const auto call = std::make_shared<Call>();
    const bool taken = thread_.post([this, call, reason] {
      call->end(run([&](const SealHandler& handler) {
        if (!handler.on_seal) return false;
        handler.on_seal(reason);
        return true;
      }));
    });
    return taken && call->wait(deadline.remaining(system_clock()));
  }

  void unseal() {
    thread_.post([this] {
      run([](const SealHandler& handler) {
        if (handler.on_unseal) handler.on_unseal();
        return true;
      });
    });
  }

 private:
  class Call {
   public:
    void end(bool closed) {
      const std::lock_guard lock(mutex_);
      closed_ = closed;
      ended_ = true;
      changed_.notify_all();
    }
    bool wait(std::chrono::nanoseconds longest) {
      std::unique_lock lock(mutex_);
      return changed_.wait_for(lock, longest, [this] { return ended_; }) && closed_;
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
    bool closed_ = false;
  };

  template <typename Work>
  bool run(const Work& work) {
    const std::lock_guard lock(call_mutex_);
    return work(handler_);
  }

  std::mutex call_mutex_;  // held over calls of the program's code
  SealHandler handler_;
  host::Upkeep thread_;
};

// Never destroyed: a seal may come while the process exits.
Desk& desk_of(const std::string& root) {
  static auto* const mutex = new std::mutex;
  static auto* const desks = new std::map<std::string, std::unique_ptr<Desk>>;
  const std::lock_guard lock(*mutex);
  auto& desk = (*desks)[root];
  if (!desk) desk = std::make_unique<Desk>();
  return *desk;
}

}  // namespace

host::Engine make_engine(const std::string& root) {
  Desk& desk = desk_of(root);
  return {.fence = [&desk](const std::string& reason,
                           Deadline deadline) { return desk.seal(reason, deadline); },
          .end =
              [root](const std::string& reason) {
                log::error(
                    "this process ends now, for RocksDB would go on answering from its "
                    "caches: the store " +
                    root + " is sealed: " + reason);
                ::kill(::getpid(), SIGKILL);
              },
          .resume = [&desk] { desk.unseal(); }};
}

void set_handler(const std::string& root, SealHandler handler) {
  desk_of(root).set(std::move(handler));
}

}  // namespace keyhold::rocks
