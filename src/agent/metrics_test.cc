// The metrics of a host, scraped as Prometheus does.
#include "agent/metrics.h"

#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "host/test_store.h"
#include "host/unique_fd.h"

namespace keyhold::agent {
namespace {

std::string scrape(int port) {
  const host::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(::send(socket.get(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return answer;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

bool has(const std::string& text, const std::string& line) {
  return text.find("\n" + line) != std::string::npos;
}

TEST(Metrics, SayHowTheHostIsAndThatItIsGone) {
  host::TestStore store;
  store.make();
  auto host = store.open();
  ASSERT_TRUE(host) << host.error().message();
  const auto metrics = Metrics::start("127.0.0.1:0", store.path, store.clock);
  ASSERT_TRUE(metrics) << metrics.error().message();
  const std::string serving = scrape((*metrics)->port());
  EXPECT_TRUE(has(serving, "keyhold_host_up 1")) << serving;
  EXPECT_TRUE(has(serving, "keyhold_host_state{state=\"serving\"} 1")) << serving;
  EXPECT_TRUE(has(serving, "keyhold_host_state{state=\"sealed\"} 0")) << serving;
  (*host)->seal("test");
  EXPECT_TRUE(has(scrape((*metrics)->port()), "keyhold_host_state{state=\"sealed\"} 1"));
  host->reset();
  EXPECT_TRUE(has(scrape((*metrics)->port()), "keyhold_host_up 0"));
}

TEST(Metrics, AnAddressThatIsNoneIsRefused) {
  for (const char* address : {"", "9471", ":9471", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"}) {
    const auto metrics = Metrics::start(address, "/nowhere", system_clock());
    ASSERT_FALSE(metrics) << address;
    EXPECT_EQ(metrics.error().code(), Code::invalid_argument) << address;
  }
}

TEST(Metrics, AnAddressThatIsTakenIsBusy) {
  const auto first = Metrics::start("127.0.0.1:0", "/nowhere", system_clock());
  ASSERT_TRUE(first);
  const auto second =
      Metrics::start("127.0.0.1:" + std::to_string((*first)->port()), "/nowhere", system_clock());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::busy);
}

}  // namespace
}  // namespace keyhold::agent
