#include "cloud/environment.h"

#include <array>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

namespace keyhold::cloud {
namespace {

constexpr std::size_t kBlockBytes = 4096;

const char* variable(std::string_view name) {
  return std::getenv(std::string(name).c_str());
}

// No FILE or stream: their buffers would keep a copy.
Result<WipedString> read_all(int fd, const std::string& path) {
  WipedString content;
  for (;;) {
    const std::size_t size = content.size();
    content.resize(size + kBlockBytes);
    const ssize_t got = ::read(fd, content.data() + size, kBlockBytes);
    if (got < 0 && errno != EINTR) return fail_errno(errno, "read " + path);
    content.resize(size + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (got == 0) return content;
    if (content.size() > kMaxCredentialFileBytes) {
      return fail(Code::invalid_argument, "read " + path + ": more than " +
                                              std::to_string(kMaxCredentialFileBytes) + " bytes");
    }
  }
}

class ProcessEnvironment final : public Environment {
 public:
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const override {
    const char* const value = variable(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }

  [[nodiscard]] std::optional<WipedString> get_secret(std::string_view name) const override {
    const char* const value = variable(name);
    return value == nullptr ? std::nullopt : std::optional<WipedString>(value);
  }

  [[nodiscard]] Result<WipedString> read_file(const std::string& path) const override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return fail_errno(errno, "open " + path);
    auto content = read_all(fd, path);
    ::close(fd);
    return content;
  }

  [[nodiscard]] std::string home_directory() const override {
    if (const char* const home = variable("HOME"); home != nullptr && *home != '\0') return home;
    std::array<char, 4 * kBlockBytes> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? "" : found->pw_dir;
  }
};

}  // namespace

std::string Environment::get_or(std::string_view name, std::string_view otherwise) const {
  auto value = get(name);
  return value && !value->empty() ? *std::move(value) : std::string(otherwise);
}

const Environment& process_environment() {
  static const ProcessEnvironment environment;
  return environment;
}

}  // namespace keyhold::cloud
