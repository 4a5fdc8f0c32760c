// The customer's side of a Vault, for tests: its administrator, and a tenant whose keys and logins
// are a test's own.
#pragma once

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "crypto/random.h"
#include "kms/key_spec.h"
#include "kms/local/scratch_directory.h"
#include "net/http_client.h"

namespace keyhold::kms::vault {

class VaultAdmin {
 public:
  using Json = nlohmann::json;

  // `token` may do everything.
  VaultAdmin(std::string url, std::string ca_file, std::string token)
      : url_(std::move(url)),
        ca_file_(std::move(ca_file)),
        token_(std::move(token)),
        http_(std::make_unique<net::HttpClient>(system_clock(), trusting(ca_file_))) {}

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& ca_file() const { return ca_file_; }
  [[nodiscard]] const std::string& token() const { return token_; }

  struct Answer {
    int status = 0;
    Json body;
  };
  // As the administrator.
  Answer ask(const std::string& method, const std::string& path,
             const Json& body = Json::object()) {
    net::HttpRequest request;
    request.method = method;
    request.url = url_ + "/v1/" + path;
    request.headers = {{.name = "X-Vault-Token", .value = token_}};
    if (method == "POST") request.body = WipedString(body.dump());
    const auto response =
        http_->send(request, Deadline::after(system_clock(), std::chrono::seconds(10)));
    if (!response) return {};
    return {.status = response->status, .body = Json::parse(response->body, nullptr, false)};
  }
  // The same; a refusal is a failure of the test.
  Json must(const std::string& method, const std::string& path, const Json& body = Json::object()) {
    const Answer answer = ask(method, path, body);
    EXPECT_TRUE(answer.status == 200 || answer.status == 204)
        << method << " " << path << ": " << answer.status << " " << answer.body;
    if (answer.status != 200 && answer.status != 204) throw std::runtime_error(method + path);
    return answer.body;
  }

 private:
  static net::HttpOptions trusting(const std::string& ca_file) {
    net::HttpOptions options;
    options.ca_file = ca_file;
    return options;
  }

  std::string url_;
  std::string ca_file_;
  std::string token_;
  std::unique_ptr<net::HttpClient> http_;
};

// One transit engine of a test's own on it, a policy for its keys, and an AppRole that has it.
class VaultTenant {
 public:
  using Json = VaultAdmin::Json;

  explicit VaultTenant(VaultAdmin& server) : server_(&server), name_(new_name()) {
    server.must("POST", "sys/mounts/" + name_, {{"type", "transit"}});
    set_policy(R"({capabilities=["update"]})");
    server.must("POST", "sys/auth/" + name_ + "-approle", {{"type", "approle"}});
    const std::string role = "auth/" + name_ + "-approle/role/keyhold";
    server.must("POST", role, {{"token_policies", name_}, {"token_ttl", "5m"}});
    role_id_ = server.must("GET", role + "/role-id")["data"]["role_id"];
    secret_id_ = server.must("POST", role + "/secret-id")["data"]["secret_id"];
    write_file("secret-id", secret_id_ + "\n");
    const Json made = server.must("POST", "auth/token/create", {{"policies", {name_}}});
    token_ = made["auth"]["client_token"];
    write_file("token", token_ + "\n");
  }

  // What it may do on encrypt and decrypt, in the policy's language.
  void set_policy(const std::string& capabilities) {
    std::string policy;
    for (const char* path : {"/encrypt/*", "/decrypt/*"}) {
      policy += "path \"" + name_ + path + "\" " + capabilities + "\n";
    }
    policy += "path \"" + name_ + "/keys/*\" {capabilities=[\"read\"]}\n";
    server_->must("POST", "sys/policies/acl/" + name_, {{"policy", policy}});
  }
  void write_file(const std::string& name, const std::string& content) const {
    const std::string path = file(name);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ::close(fd);
  }

  [[nodiscard]] VaultAdmin& server() const { return *server_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& secret_id() const { return secret_id_; }
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::string approle() const {
    return "approle:" + role_id_ + "?mount=" + name_ +
           "-approle&secret_id_file=" + file("secret-id");
  }
  [[nodiscard]] std::string token_file() const { return "token?token_file=" + file("token"); }
  [[nodiscard]] std::string path(const std::string& key) const { return name_ + "/keys/" + key; }
  [[nodiscard]] KeySpec spec(const std::string& key, const std::string& principal) const {
    KeySpec spec;
    spec.type = KeyType::vault_transit;
    spec.uri = KeyUri(server_->url() + "/v1/" + path(key));
    spec.auth_principal = AuthPrincipal(principal);
    spec.ca_file = server_->ca_file();
    return spec;
  }

 private:
  static std::string new_name() {
    std::array<std::uint8_t, 4> bytes{};  // a server that outlives the test has those of others
    crypto::system_random().fill(bytes);
    return "tenant-" + to_hex(bytes);
  }

  VaultAdmin* server_;
  local::ScratchDirectory directory_;
  std::string name_;
  std::string role_id_;
  std::string secret_id_;
  std::string token_;
};

}  // namespace keyhold::kms::vault
