#include "agent/metrics.h"

#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include "host/control_client.h"
#include "host/host_status.h"
#include "host/layout.h"

namespace keyhold::agent {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::chrono::nanoseconds kAnswerTimeout = std::chrono::seconds(2);

MetricFamily family(std::string name, std::string help, MetricType type = MetricType::Gauge) {
  return {std::move(name), std::move(help), type, {}};
}

void add(MetricFamily& family, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == MetricType::Counter) metric.counter.value = value;
  if (family.type == MetricType::Gauge) metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

MetricFamily one(std::string name, std::string help, double value,
                 MetricType type = MetricType::Gauge) {
  MetricFamily made = family(std::move(name), std::move(help), type);
  add(made, value);
  return made;
}

double seconds_of(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

MetricFamily state_family(host::HostState current) {
  MetricFamily states =
      family("keyhold_host_state", "1 for the state that the host is in, 0 for the others.");
  constexpr std::array kAll = {host::HostState::waiting_for_kms, host::HostState::serving,
                               host::HostState::degraded,        host::HostState::sealing,
                               host::HostState::sealed,          host::HostState::unsealing};
  for (const host::HostState state : kAll) {
    add(states, state == current ? 1 : 0, {{"state", std::string(host::host_state_name(state))}});
  }
  return states;
}

std::vector<MetricFamily> families(const host::HostStatus& status) {
  std::vector<MetricFamily> all;
  all.push_back(state_family(status.state));
  all.push_back(one("keyhold_host_start_time_seconds", "When the host started, Unix time.",
                    seconds_of(status.started)));
  if (status.last_kms_success) {
    all.push_back(one("keyhold_kms_last_success_time_seconds",
                      "When the KMS last gave access, Unix time.",
                      seconds_of(*status.last_kms_success)));
  }
  all.push_back(one("keyhold_kms_problem", "1 while the KMS's last answer was no success.",
                    status.last_kms_problem.empty() ? 0 : 1));
  all.push_back(one("keyhold_upkeep_problems", "Chores of the host that failed last time.",
                    static_cast<double>(status.upkeep_problems.size())));
  all.push_back(one("keyhold_secret_memory_used_bytes", "Locked memory that holds keys.",
                    static_cast<double>(status.secret_memory.used_bytes)));
  all.push_back(one("keyhold_rollback_detected", "1 where the key ring has an anchor.",
                    status.health.detects_rollback ? 1 : 0));
  all.push_back(one("keyhold_control_requests_total", "Requests on the control socket.",
                    static_cast<double>(status.requests), MetricType::Counter));
  return all;
}

// Asks the host at every scrape. A host that does not answer is down, and that is all it says.
class HostMetrics final : public prometheus::Collectable {
 public:
  HostMetrics(const std::string& store_path, const Clock& clock)
      : layout_(store_path), clock_(clock) {}

  [[nodiscard]] std::vector<MetricFamily> Collect() const override {
    const auto status = ask();
    std::vector<MetricFamily> all;
    if (status) all = families(*status);
    all.push_back(one("keyhold_host_up", "1 where the store's host answers.", status ? 1 : 0));
    return all;
  }

 private:
  [[nodiscard]] Result<host::HostStatus> ask() const {
    const host::ControlClient client{.layout = layout_, .clock = clock_};
    KEYHOLD_TRY_ASSIGN(const auto reply,
                       host::expect_reply<format::StatusReply>(client.ask(
                           format::StatusRequest{}, Deadline::after(clock_, kAnswerTimeout))));
    return host::host_status_from_json(reply.json);
  }

  const host::StoreLayout layout_;
  const Clock& clock_;
};

Status check_address(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  unsigned port = 0;
  if (colon != std::string::npos && colon > 0) {
    const char* const end = address.data() + address.size();
    const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
    if (parsed.ec == std::errc{} && parsed.ptr == end && port <= 65535) return {};
  }
  return fail(Code::invalid_argument,
              "\"" + address + "\" is no HOST:PORT to serve metrics on, such as 127.0.0.1:9471");
}

}  // namespace

struct Metrics::Server {
  Server(const std::string& address, const std::string& store_path, const Clock& clock)
      : exposer(address, 1), collected(std::make_shared<HostMetrics>(store_path, clock)) {
    exposer.RegisterCollectable(collected);
  }

  prometheus::Exposer exposer;
  std::shared_ptr<HostMetrics> collected;
};

Result<std::unique_ptr<Metrics>> Metrics::start(const std::string& address,
                                                const std::string& store_path, const Clock& clock) {
  KEYHOLD_TRY(check_address(address));
  try {
    return std::unique_ptr<Metrics>(
        new Metrics(std::make_unique<Server>(address, store_path, clock)));
  } catch (const std::exception&) {  // the library's only way to say so
    return fail(Code::busy, "cannot serve metrics on " + address +
                                ": the address is taken, or not this machine's");
  }
}

Metrics::Metrics(std::unique_ptr<Server> server) : server_(std::move(server)) {}
Metrics::~Metrics() = default;

int Metrics::port() const {
  const auto ports = server_->exposer.GetListeningPorts();
  return ports.empty() ? 0 : ports.front();
}

}  // namespace keyhold::agent
