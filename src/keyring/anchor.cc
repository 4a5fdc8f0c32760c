#include "keyring/anchor.h"

namespace keyhold::keyring {
namespace {

// More than any statement that will ever be; a longer file is not an anchor.
constexpr std::size_t kLimitBytes = 4096;

}  // namespace

Result<std::optional<ByteVector>> FileAnchor::load() {
  auto bytes = io::read_file(files_, path_, kLimitBytes);
  if (bytes) return *std::move(bytes);
  if (bytes.error().code() == Code::not_found) return std::nullopt;
  if (bytes.error().code() == Code::invalid_argument) {
    return fail(Code::integrity, bytes.error().message());
  }
  return fail(bytes.error());
}

Status FileAnchor::store(ByteView statement) {
  return io::replace_file(files_, path_, statement);
}

}  // namespace keyhold::keyring
