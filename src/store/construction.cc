#include "store/construction.h"

#include <array>
#include <utility>

namespace keyhold::store {
namespace {

std::string temporary_path(crypto::Random& random, const std::string& path) {
  std::array<std::uint8_t, 8> bytes{};
  random.fill(bytes);
  return io::join_path(io::parent_path(path), std::string(kTemporaryPrefix) + to_hex(bytes));
}

}  // namespace

// Between the making of a name and its lock, remove_leftovers() may take the file for a leftover:
// it is locked by somebody else then, or gone.
Result<Construction> Construction::begin(io::FileSystem& files, crypto::Random& random,
                                         const std::string& path, const HeaderBlock& header,
                                         bool direct) {
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    auto made = attempt_at(files, temporary_path(random, path), header, direct);
    if (made || attempt == kAttempts) return made;
    const Code code = made.error().code();
    if (code != Code::busy && code != Code::not_found) return made;
  }
}

Result<Construction> Construction::attempt_at(io::FileSystem& files, const std::string& temporary,
                                              const HeaderBlock& header, bool direct) {
  KEYHOLD_TRY_ASSIGN(auto lock, files.lock(temporary));
  Construction construction(files, temporary, std::move(lock));
  KEYHOLD_TRY(construction.write_header(header, direct));
  return construction;
}

Construction::Construction(Construction&& other) noexcept
    : files_(other.files_),
      path_(std::move(other.path_)),
      lock_(std::move(other.lock_)),
      file_(std::move(other.file_)),
      kept_(std::exchange(other.kept_, true)) {}

// A failure to remove leaves a leftover: the failure that brought us here is the one to tell.
Construction::~Construction() {
  if (!kept_) static_cast<void>(files_->remove(path_));
}

Status Construction::write_header(const HeaderBlock& header, bool direct) {
  io::OpenOptions options{.access = io::OpenOptions::Access::read_write,
                          .create = io::OpenOptions::Create::never,
                          .mode = 0600,
                          .direct = false};
  KEYHOLD_TRY_ASSIGN(file_, files_->open(path_, options));
  KEYHOLD_TRY(file_->write_at(0, header.bytes()));
  KEYHOLD_TRY(file_->sync_all());
  if (!direct) return {};
  options.direct = true;
  KEYHOLD_TRY_ASSIGN(file_, files_->open(path_, options));
  return {};
}

}  // namespace keyhold::store
