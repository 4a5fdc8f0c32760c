#include "host/attach.h"

#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "host/host_parts.h"
#include "host/remote_keys.h"
#include "host/retry.h"

namespace keyhold::host {
namespace {

constexpr nanoseconds kAnswerTimeout = std::chrono::seconds(5);

// Nobody tells us when a host of another process starts to serve, dies, or hears from its KMS: we
// look again.
class Attempts {
 public:
  Attempts(const Environment& environment, const std::string& store_path,
           const AttachOptions& options)
      : clock_(environment.clock),
        store_path_(store_path),
        host_deadline_(Deadline::after(clock_, options.host_wait)),
        kms_deadline_(options.host.retry.wait == kForever
                          ? Deadline::never()
                          : Deadline::after(clock_, options.host.retry.wait)),
        policy_{.first_pause = std::chrono::milliseconds(5),
                .longest_pause = std::chrono::milliseconds(250)},
        backoff_(policy_, environment.random) {}

  // False once `error` has lasted as long as it may.
  bool pause_after(const Error& error) {
    const bool waits_for_kms = error.code() == Code::unavailable;
    const Deadline& deadline = waits_for_kms ? kms_deadline_ : host_deadline_;
    if (deadline.expired(clock_)) return false;
    if (waits_for_kms && !std::exchange(said_so_, true)) {
      log::warning("waiting for the host of the store " + store_path_ + ": " + error.message());
    }
    std::this_thread::sleep_for(backoff_.next());  // bounded poll of another process
    return true;
  }

 private:
  const Clock& clock_;
  const std::string& store_path_;
  const Deadline host_deadline_;
  const Deadline kms_deadline_;
  const RetryPolicy policy_;
  Backoff backoff_;
  bool said_so_ = false;
};

Result<std::unique_ptr<StoreKeys>> as_client(const Environment& environment,
                                             const std::string& store_path) {
  KEYHOLD_TRY_ASSIGN(auto keys, RemoteKeys::connect(environment.clock, store_path, kAnswerTimeout));
  return keys;
}

// The host starts, ends, is busy or waits for its KMS: another attempt may meet it otherwise.
bool may_pass(Code code) {
  return code == Code::not_found || code == Code::io || code == Code::busy ||
         code == Code::unavailable;
}

}  // namespace

Result<std::unique_ptr<StoreKeys>> attach(const Environment& environment,
                                          const std::string& store_path,
                                          const AttachOptions& options) {
  KEYHOLD_TRY(check_own_process());
  Attempts attempts(environment, store_path, options);
  for (;;) {
    std::optional<Error> busy;
    if (!options.only_as_client) {
      auto host = Host::open(environment, store_path, options.host);
      if (host) return *std::move(host);
      if (host.error().code() != Code::busy) return fail(std::move(host).error());
      busy = host.error();
    }
    auto client = as_client(environment, store_path);
    if (client) return client;
    const Error& error = client.error();
    const bool nobody_serves = error.code() == Code::not_found;
    if (nobody_serves && !busy) return fail(error);
    if (!may_pass(error.code()) || !attempts.pause_after(error)) {
      // Who has the lock says more than that nobody serves.
      return fail(nobody_serves ? *busy : error);
    }
  }
}

}  // namespace keyhold::host
