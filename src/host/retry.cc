#include "host/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <thread>

namespace keyhold::host {
namespace {

// 0 to 1.
double random_fraction(crypto::Random& random) {
  std::array<std::uint8_t, 4> bytes{};
  random.fill(bytes);
  return static_cast<double>(load_le<std::uint32_t>(bytes)) / 4294967295.0;
}

struct Unit {
  std::string_view name;
  std::int64_t seconds;
};
constexpr std::array kUnits = {Unit{"", 1}, Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3600}};
constexpr std::int64_t kMaxWaitSeconds = 366LL * 24 * 3600;

Result<nanoseconds> parse_wait(std::string_view text) {
  if (text == "forever") return kForever;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto* const unit = std::ranges::find(kUnits, name, &Unit::name);
  if (error != std::errc{} || unit == kUnits.end() || count < 0 ||
      count > kMaxWaitSeconds / unit->seconds) {
    return fail(Code::invalid_argument,
                "KEYHOLD_KMS_WAIT=" + std::string(text) + ": write 0, 30s, 5m, 2h or forever");
  }
  return std::chrono::seconds(count * unit->seconds);
}

bool may_retry(const RetryPolicy& policy, Code code) {
  return code == Code::unavailable || (policy.denials_too && code == Code::denied);
}

}  // namespace

Result<nanoseconds> kms_wait_from_environment(nanoseconds otherwise) {
  const char* text = std::getenv("KEYHOLD_KMS_WAIT");
  if (text == nullptr || *text == '\0') return otherwise;
  return parse_wait(text);
}

nanoseconds Backoff::next() {
  const nanoseconds full = next_;
  next_ = std::min(full * 2, policy_.longest_pause);
  const double kept = 1.0 - policy_.jitter * random_fraction(random_);
  return std::chrono::duration_cast<nanoseconds>(
      std::chrono::duration<double, std::nano>(static_cast<double>(full.count()) * kept));
}

Status retry_outages(const RetryPolicy& policy, const Clock& clock, crypto::Random& random,
                     const std::function<Status()>& attempt,
                     const std::function<void(const Error&, nanoseconds)>& failed) {
  const Deadline deadline =
      policy.wait == kForever ? Deadline::never() : Deadline::after(clock, policy.wait);
  Backoff backoff(policy, random);
  for (;;) {
    Status status = attempt();
    if (status || !may_retry(policy, status.error().code())) return status;
    const nanoseconds pause = std::min(backoff.next(), deadline.remaining(clock));
    failed(status.error(), pause);
    if (pause <= nanoseconds::zero()) return status;
    std::this_thread::sleep_for(pause);  // bounded poll of a KMS that cannot call back
  }
}

std::string seconds_text(nanoseconds span) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
  if (milliseconds < 1000) return std::to_string(milliseconds) + " ms";
  return std::to_string(milliseconds / 1000) + "." + std::to_string(milliseconds % 1000 / 100) +
         " s";
}

}  // namespace keyhold::host
