#include "kms/gcp/messages/wrapped.h"

#include <algorithm>

#include "base/crc32c.h"

namespace keyhold::kms::gcp {
namespace {

constexpr std::string_view kMagic = "KHG1";
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kMaxCiphertextBytes = 12288;

}  // namespace

ByteVector serialize_wrapped(const Wrapped& wrapped) {
  ByteVector bytes(kHeaderBytes + wrapped.ciphertext.size() + kChecksumBytes);
  const MutableByteView out(bytes);
  copy_bytes(as_bytes(kMagic), out);
  store_le(out.subspan(kMagic.size()), wrapped.version);
  copy_bytes(wrapped.ciphertext, out.subspan(kHeaderBytes));
  store_le(out.last(kChecksumBytes), crc32c(out.first(out.size() - kChecksumBytes)));
  return bytes;
}

keyhold::Result<Wrapped> parse_wrapped(ByteView bytes) {
  const auto refused = [] {
    return fail(Code::invalid_argument, "not a key that Google Cloud KMS wrapped for Keyhold");
  };
  const std::size_t least = kHeaderBytes + 1 + kChecksumBytes;
  if (bytes.size() < least || bytes.size() >= least + kMaxCiphertextBytes) return refused();
  if (!std::ranges::equal(bytes.first(kMagic.size()), as_bytes(kMagic))) return refused();
  const ByteView covered = bytes.first(bytes.size() - kChecksumBytes);
  if (load_le<std::uint32_t>(bytes.last(kChecksumBytes)) != crc32c(covered)) return refused();
  const Wrapped wrapped{.version = load_le<std::uint32_t>(bytes.subspan(kMagic.size())),
                        .ciphertext = covered.subspan(kHeaderBytes)};
  if (wrapped.version == 0) return refused();
  return wrapped;
}

}  // namespace keyhold::kms::gcp
