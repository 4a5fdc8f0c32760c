// What somebody should hear of at once: to the process's log, and to a webhook where there is one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/random.h"

namespace keyhold::host {

// The names are part of the webhook's promise (docs/alerts.md).
enum class AlertKind : std::uint8_t {
  denial,          // a KMS said no; the lease ends unless it says yes in time
  denial_cleared,  // it did
  outage_begin,    // a KMS does not answer
  outage_end,
  ambiguous_answer,  // a KMS's answer can be a denial or an outage
  pending_deletion,  // the CMEK will be destroyed at a date
  deletion_cancelled,
  sealed,
  unsealed,
  stuck_host,       // the host itself could not probe in time
  tampered_policy,  // policy.toml is not what an order made it
  audit_broken,     // the audit log is not what a host wrote
};

std::string_view alert_name(AlertKind kind);

struct Alert {
  AlertKind kind{};
  std::string store{};  // its path
  std::string text{};   // one sentence without a final full stop
  std::optional<WallTime> deletion_date{};
  std::string lockbox{};  // the CMEK's URI; empty where it is about the store as a whole
};

struct AlertTargets {
  std::string webhook_url;  // http or https; empty: the log alone
  std::string ca_file;      // PEM; empty: the machine's
  std::string token_file;   // its content is the bearer token; read anew for each attempt
  std::chrono::milliseconds attempt_timeout{10'000};
  std::chrono::milliseconds first_pause{1'000};     // doubles up to the longest, each shortened at
  std::chrono::milliseconds longest_pause{60'000};  // random by up to a quarter
  unsigned max_attempts = 30;                       // about half an hour
  std::size_t max_queued = 256;                     // then the oldest goes, and the log says so
  std::chrono::milliseconds linger{2'000};          // of the destructor, for what waits
};

// Code::invalid_argument: not a URL, or a token that would go over the network in the clear (http
// to another machine).
Status check_alert_targets(const AlertTargets& targets);

// Thread-safe. raise() never waits for the network. An alert whose condition was raised already
// (same kind, store, lockbox and date) is suppressed until the condition changes: the opposite kind
// is raised, the date is another, or clear() is called.
class Alerts {
 public:
  // REQUIRES: check_alert_targets(targets). `clock` and `random` outlive it. A thread of its own
  // where there is a webhook.
  Alerts(const Clock& clock, crypto::Random& random, AlertTargets targets);
  // Goes on delivering for `linger`; what is left then is dropped, and the log says so.
  ~Alerts();
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  void raise(const Alert& alert);
  // The condition is over without a kind that says so: the next alert of it is news again.
  void clear(AlertKind kind, const std::string& store, const std::string& lockbox = {});

  // Waits until everything raised so far is delivered or given up. False at the deadline. For a
  // process that is about to end itself.
  bool flush(Deadline deadline);

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Condition {
    std::string name;  // of the kinds that belong to one condition
    std::string store;
    std::string lockbox;
    friend auto operator<=>(const Condition&, const Condition&) = default;
  };
  struct State {
    AlertKind kind{};
    std::optional<WallTime> deletion_date;
    friend bool operator==(const State&, const State&) = default;
  };
  struct Delivery {
    std::string id;    // the same over all attempts, so that a receiver knows it again
    std::string body;  // JSON
    std::string name;
    unsigned attempts = 0;
  };
  enum class Outcome : std::uint8_t { delivered, again, refused };

  static Condition condition_of(AlertKind kind, const std::string& store,
                                const std::string& lockbox);
  bool is_news(const Alert& alert);
  void tell(const Alert& alert) const;
  Delivery delivery_of(const Alert& alert);
  void enqueue(Delivery delivery);
  void run();
  Outcome deliver(const Delivery& delivery);
  void finish(const Delivery& delivery, Outcome outcome);
  std::chrono::nanoseconds pause_after(unsigned attempts);

  const Clock& clock_;
  crypto::Random& random_;
  const AlertTargets targets_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::map<Condition, State> raised_;
  std::deque<Delivery> queue_;  // the front one is being delivered
  std::optional<BootTime> stop_at_;
  std::thread thread_;
};

}  // namespace keyhold::host
