#include "host/alerts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/canonical_json.h"
#include "base/log.h"
#include "base/signals_blocked.h"
#include "base/timestamp.h"
#include "crypto/secret.h"
#include "io/file_system.h"
#include "net/http_client.h"

namespace keyhold::host {
namespace {

constexpr std::size_t kMaxConditions = 1024;
constexpr std::size_t kMaxTokenBytes = 8192;
constexpr std::size_t kMaxAnswerBytes = 64U << 10U;

struct KindRow {
  AlertKind kind;
  std::string_view name;
  std::string_view condition;  // kinds of one condition take each other's place
  log::Level level;
  std::string_view severity;
};

using log::Level;
constexpr std::array kKinds = {
    KindRow{AlertKind::denial, "denial", "denial", Level::error, "critical"},
    KindRow{AlertKind::denial_cleared, "denial_cleared", "denial", Level::info, "info"},
    KindRow{AlertKind::outage_begin, "outage_begin", "outage", Level::warning, "warning"},
    KindRow{AlertKind::outage_end, "outage_end", "outage", Level::info, "info"},
    KindRow{AlertKind::ambiguous_answer, "ambiguous_answer", "ambiguous", Level::error, "warning"},
    KindRow{AlertKind::pending_deletion, "pending_deletion", "deletion", Level::error, "critical"},
    KindRow{AlertKind::deletion_cancelled, "deletion_cancelled", "deletion", Level::info, "info"},
    KindRow{AlertKind::sealed, "sealed", "seal", Level::error, "critical"},
    KindRow{AlertKind::unsealed, "unsealed", "seal", Level::info, "info"},
    KindRow{AlertKind::stuck_host, "stuck_host", "stuck", Level::error, "critical"},
    KindRow{AlertKind::tampered_policy, "tampered_policy", "policy", Level::error, "critical"},
    KindRow{AlertKind::audit_broken, "audit_broken", "audit", Level::error, "critical"},
};

const KindRow& row_of(AlertKind kind) {
  return *std::ranges::find(kKinds, kind, &KindRow::kind);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

std::string trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

void wipe_text(std::string& text) {
  crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

// "Bearer …" from the token's file. The caller wipes it.
Result<std::string> authorization(const std::string& token_file) {
  KEYHOLD_TRY_ASSIGN(ByteVector content,
                     io::read_file(io::posix_file_system(), token_file, kMaxTokenBytes));
  std::string token = trimmed(as_text(content));
  crypto::wipe(content);
  if (token.empty()) return fail(Code::invalid_argument, token_file + " is empty");
  std::string header = "Bearer " + token;
  wipe_text(token);
  return header;
}

bool may_help_later(int status) {
  return status >= 500 || status == 408 || status == 425 || status == 429;
}

std::string date_of(const Alert& alert) {
  return alert.deletion_date ? format_timestamp(*alert.deletion_date) : std::string();
}

void log_at(Level level, const std::string& message) {
  switch (level) {
    case Level::error:
      return log::error(message);
    case Level::warning:
      return log::warning(message);
    default:
      return log::info(message);
  }
}

}  // namespace

std::string_view alert_name(AlertKind kind) {
  return row_of(kind).name;
}

Status check_alert_targets(const AlertTargets& targets) {
  if (targets.webhook_url.empty()) return {};
  KEYHOLD_TRY_ASSIGN(const net::HttpOrigin origin, net::parse_http_url(targets.webhook_url));
  if (targets.token_file.empty() || origin.scheme == "https" || is_loopback(origin.host)) return {};
  return fail(Code::invalid_argument,
              "a token for " + origin.host + " would cross the network in the clear: use https");
}

Alerts::Alerts(const Clock& clock, crypto::Random& random, AlertTargets targets)
    : clock_(clock), random_(random), targets_(std::move(targets)) {
  if (targets_.webhook_url.empty()) return;
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

Alerts::~Alerts() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_at_ = system_clock().boot_now() + targets_.linger;
  }
  work_.notify_all();
  thread_.join();
  if (queue_.empty()) return;
  log::warning(std::to_string(queue_.size()) + " alerts were not delivered to the webhook");
}

Alerts::Condition Alerts::condition_of(AlertKind kind, const std::string& store,
                                       const std::string& lockbox) {
  return {.name = std::string(row_of(kind).condition), .store = store, .lockbox = lockbox};
}

bool Alerts::is_news(const Alert& alert) {
  const State state{.kind = alert.kind, .deletion_date = alert.deletion_date};
  const Condition condition = condition_of(alert.kind, alert.store, alert.lockbox);
  const std::lock_guard lock(mutex_);
  const auto known = raised_.find(condition);
  if (known != raised_.end() && known->second == state) return false;
  if (raised_.size() >= kMaxConditions) raised_.clear();
  raised_[condition] = state;
  return true;
}

void Alerts::clear(AlertKind kind, const std::string& store, const std::string& lockbox) {
  const std::lock_guard lock(mutex_);
  raised_.erase(condition_of(kind, store, lockbox));
}

void Alerts::raise(const Alert& alert) {
  if (!is_news(alert)) return;
  tell(alert);
  if (thread_.joinable()) enqueue(delivery_of(alert));
}

void Alerts::tell(const Alert& alert) const {
  const KindRow& row = row_of(alert.kind);
  std::string message = "ALERT " + std::string(row.name) + ": store " + alert.store;
  if (!alert.lockbox.empty()) message += ", key " + alert.lockbox;
  message += ": " + alert.text;
  if (alert.deletion_date) message += " (on " + date_of(alert) + ")";
  log_at(row.level, message);
}

Alerts::Delivery Alerts::delivery_of(const Alert& alert) {
  const KindRow& row = row_of(alert.kind);
  std::array<std::uint8_t, 16> id{};
  random_.fill(id);
  std::map<std::string, std::string> members = {
      {"alert", std::string(row.name)},
      {"id", to_hex(id)},
      {"product", "keyhold"},
      {"severity", std::string(row.severity)},
      {"store", make_utf8(alert.store)},
      {"text", make_utf8(alert.text)},
      {"time", format_timestamp(clock_.wall_now())},
  };
  if (!alert.lockbox.empty()) members["lockbox"] = make_utf8(alert.lockbox);
  if (alert.deletion_date) members["deletion_date"] = date_of(alert);
  return {.id = to_hex(id), .body = canonical_json(members), .name = std::string(row.name)};
}

void Alerts::enqueue(Delivery delivery) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    full = queue_.size() >= targets_.max_queued;
    if (full) queue_.pop_front();
    queue_.push_back(std::move(delivery));
  }
  work_.notify_all();
  if (full) log::warning("the webhook takes no alerts: the oldest that waited was dropped");
}

bool Alerts::flush(Deadline deadline) {
  Lock lock(mutex_);
  while (!queue_.empty()) {
    if (deadline.expired(clock_)) return false;
    // The deadline may be on a test's clock: look at it now and then.
    done_.wait_for(lock, std::chrono::milliseconds(20));
  }
  return true;
}

std::chrono::nanoseconds Alerts::pause_after(unsigned attempts) {
  std::chrono::nanoseconds pause = targets_.first_pause;
  for (unsigned i = 1; i < attempts && pause < targets_.longest_pause; ++i) pause *= 2;
  pause = std::min<std::chrono::nanoseconds>(pause, targets_.longest_pause);
  std::array<std::uint8_t, 1> byte{};
  random_.fill(byte);
  return pause - pause * byte[0] / 1024;
}

void Alerts::run() {
  Lock lock(mutex_);
  const auto stopping = [this] { return stop_at_.has_value(); };
  for (;;) {
    work_.wait(lock, [&] { return stopping() || !queue_.empty(); });
    const bool late = stop_at_ && system_clock().boot_now() >= *stop_at_;
    if (queue_.empty() || late) return;
    Delivery delivery = queue_.front();
    ++delivery.attempts;
    lock.unlock();
    const Outcome outcome = deliver(delivery);
    lock.lock();
    if (outcome == Outcome::again && delivery.attempts < targets_.max_attempts) {
      // It may have been dropped meanwhile, for a newer one.
      if (!queue_.empty() && queue_.front().id == delivery.id) {
        queue_.front().attempts = delivery.attempts;
      }
      const auto pause = pause_after(delivery.attempts);
      if (stop_at_) {
        work_.wait_for(lock, std::min(pause, *stop_at_ - system_clock().boot_now()));
      } else {
        work_.wait_for(lock, pause, stopping);
      }
      continue;
    }
    if (!queue_.empty() && queue_.front().id == delivery.id) queue_.pop_front();
    done_.notify_all();
    lock.unlock();
    finish(delivery, outcome);
    lock.lock();
  }
}

Alerts::Outcome Alerts::deliver(const Delivery& delivery) {
  net::HttpRequest request{.method = "POST",
                           .url = targets_.webhook_url,
                           .headers = {{"Content-Type", "application/json"},
                                       {"User-Agent", "keyhold"},
                                       {"Idempotency-Key", delivery.id}},
                           .body = WipedString(delivery.body)};
  if (!targets_.token_file.empty()) {
    auto token = authorization(targets_.token_file);
    if (!token) {
      log::warning("webhook: no token: " + token.error().message());
      return Outcome::again;
    }
    request.headers.push_back({.name = "Authorization", .value = *std::move(token)});
  }
  net::HttpOptions options;
  options.ca_file = targets_.ca_file;
  options.max_response_bytes = kMaxAnswerBytes;
  options.cancelled = [this] {
    const std::lock_guard lock(mutex_);
    return stop_at_ && system_clock().boot_now() >= *stop_at_;
  };
  const auto response =
      net::HttpClient(system_clock(), options)
          .send(request, Deadline::after(system_clock(), targets_.attempt_timeout));
  if (!targets_.token_file.empty()) wipe_text(request.headers.back().value);
  if (response && response->status / 100 == 2) return Outcome::delivered;
  const std::string why =
      response ? "it answered " + std::to_string(response->status) : response.error().message();
  // The first failure of an alert is said, and the end of it; not each attempt between.
  if (delivery.attempts == 1) log::warning("webhook: alert " + delivery.name + ": " + why);
  const bool again = response ? may_help_later(response->status)
                              : response.error().code() != Code::invalid_argument;
  return again ? Outcome::again : Outcome::refused;
}

void Alerts::finish(const Delivery& delivery, Outcome outcome) {
  if (outcome == Outcome::delivered) {
    if (delivery.attempts > 1) log::info("webhook: alert " + delivery.name + " was delivered");
    return;
  }
  log::error("webhook: alert " + delivery.name + " was given up after " +
             std::to_string(delivery.attempts) +
             (delivery.attempts == 1 ? " attempt" : " attempts"));
}

}  // namespace keyhold::host
