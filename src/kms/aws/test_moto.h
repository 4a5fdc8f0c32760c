// moto (PyPI, in the environment that scripts/test makes): an emulator of AWS by others, one a
// process, on a free port of loopback. Gone with the process.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
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
#include "net/http_client.h"

namespace keyhold::kms::aws {

class Moto {
 public:
  // Where scripts/test has made build/venv, it has to be in there: a failure else.
  static bool installed() {
    const bool there = std::filesystem::exists(program());
    EXPECT_TRUE(there || !std::filesystem::exists(KEYHOLD_VENV_DIR)) << "build/venv has no moto";
    return there;
  }

  // REQUIRES: installed().
  static Moto& shared() {
    static Moto moto;
    return moto;
  }

  Moto() : port_(free_port()) {
    start();
    net::HttpClient http(system_clock(), {});
    for (int tries = 0; tries < 600; ++tries) {
      net::HttpRequest request;
      request.url = url() + "/moto-api/data.json";
      const auto answer =
          http.send(request, Deadline::after(system_clock(), std::chrono::seconds(5)));
      if (answer && answer->status == 200) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // bounded poll
    }
    ADD_FAILURE() << "moto does not start";
  }
  ~Moto() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Moto(const Moto&) = delete;
  Moto& operator=(const Moto&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  static std::string program() { return std::string(KEYHOLD_VENV_DIR) + "/bin/moto_server"; }

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
    const std::string moto = program();
    const std::string port = std::to_string(port_);
    const std::string log = directory_ / "log";
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    const char* const arguments[] = {moto.c_str(), "-H", "127.0.0.1", "-p", port.c_str(), nullptr};
    ::execv(moto.c_str(), const_cast<char* const*>(arguments));
    ::_exit(127);
  }

  local::ScratchDirectory directory_;
  std::uint16_t port_;
  pid_t pid_ = -1;
};

}  // namespace keyhold::kms::aws
