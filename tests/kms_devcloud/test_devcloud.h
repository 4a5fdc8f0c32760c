// A devcloud in the test's own process, whose date the test moves, and its admin API.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/test_immortal.h"
#include "crypto/random.h"
#include "devcloud/cloud.h"
#include "io/file_system.h"
#include "kms/local/scratch_directory.h"
#include "net/http_client.h"

namespace keyhold {

// The wall's hands are moved: for dates of deletion. Deadlines run on.
class MovableWall final : public Clock {
 public:
  [[nodiscard]] BootTime boot_now() const override { return system_clock().boot_now(); }
  [[nodiscard]] WallTime wall_now() const override { return system_clock().wall_now() + by_; }
  void move(std::chrono::seconds by) { by_ += by; }

 private:
  std::chrono::seconds by_{0};
};

class TestDevcloud {
 public:
  using Json = nlohmann::json;

  TestDevcloud() {
    const devcloud::Machine machine{io::posix_file_system(), clock(), crypto::system_random()};
    auto cloud = devcloud::Cloud::start(machine, directory_ / "cloud", {});
    EXPECT_TRUE(cloud.has_value()) << cloud.error().message();
    cloud_ = *std::move(cloud);
    endpoints_ = Json::parse(cloud_->endpoints_json());
    std::ifstream(endpoints_["admin_token_file"].get<std::string>()) >> token_;
  }

  MovableWall& clock() { return clock_; }
  [[nodiscard]] std::string https() const { return endpoints_["https"]; }
  [[nodiscard]] std::string metadata() const { return endpoints_["metadata"]; }
  [[nodiscard]] std::string ca_file() const { return endpoints_["ca_file"]; }

  // A refusal is a failure of the test.
  Json must(const std::string& method, const std::string& path, const Json& body) {
    net::HttpOptions options;
    options.ca_file = ca_file();
    net::HttpRequest request;
    request.method = method;
    request.url = https() + "/_devcloud/" + path;
    request.headers = {{"Authorization", "Bearer " + token_}};
    request.body = WipedString(body.dump());
    const auto response =
        net::HttpClient(system_clock(), options)
            .send(request, Deadline::after(system_clock(), std::chrono::seconds(20)));
    EXPECT_TRUE(response.has_value()) << response.error().message();
    if (!response) return {};
    EXPECT_EQ(response->status, 200) << path << ": " << std::string_view(response->body);
    return Json::parse(response->body, nullptr, false);
  }
  Json aws(const std::string& command, const Json& arguments) {
    return must("POST", "aws/" + command, arguments);
  }

 private:
  // Never destroyed: connections are shared for the life of the process.
  kms::local::ScratchDirectory directory_;
  MovableWall& clock_ = immortal<MovableWall>();
  std::unique_ptr<devcloud::Cloud> cloud_;
  Json endpoints_;
  std::string token_;
};

}  // namespace keyhold
