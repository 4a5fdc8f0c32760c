#include "devcloud/aws/ciphertext.h"

#include <algorithm>
#include <array>

#include "devcloud/sealer.h"

namespace keyhold::devcloud::aws {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'K', 'D', 'C', 1};
constexpr std::size_t kMaterialIdBytes = 32;

void append(ByteVector& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_size(ByteVector& to, std::size_t size) {
  std::array<std::uint8_t, 4> bytes{};
  store_le(bytes, static_cast<std::uint32_t>(size));
  append(to, bytes);
}

ByteVector aad_of(ByteView header, const EncryptionContext& context) {
  ByteVector aad(header.begin(), header.end());
  for (const auto& [name, value] : context) {
    append_size(aad, name.size());
    append_size(aad, value.size());
    append(aad, as_bytes(name));
    append(aad, as_bytes(value));
  }
  return aad;
}

}  // namespace

std::optional<Ciphertext> parse_ciphertext(ByteView blob) {
  if (blob.size() <= kMagic.size() || !std::ranges::equal(blob.first(kMagic.size()), kMagic)) {
    return std::nullopt;
  }
  const std::size_t id_size = blob[kMagic.size()];
  const std::size_t header_size = kMagic.size() + 1 + id_size + kMaterialIdBytes;
  if (blob.size() < header_size + kSealOverheadBytes) return std::nullopt;
  return Ciphertext{std::string(as_text(blob.subspan(kMagic.size() + 1, id_size))),
                    to_hex(blob.subspan(kMagic.size() + 1 + id_size, kMaterialIdBytes)),
                    blob.first(header_size), blob.subspan(header_size)};
}

Result<ByteVector> encrypt(const crypto::Key256& key, const std::string& key_id,
                           const std::string& material_id, ByteView plaintext,
                           const EncryptionContext& context, crypto::Random& random) {
  KEYHOLD_TRY_ASSIGN(const auto material, from_hex(material_id));
  ByteVector blob(kMagic.begin(), kMagic.end());
  blob.push_back(static_cast<std::uint8_t>(key_id.size()));
  append(blob, as_bytes(key_id));
  append(blob, material);
  KEYHOLD_TRY_ASSIGN(const auto sealed, seal(key, plaintext, aad_of(blob, context), random));
  append(blob, sealed);
  return blob;
}

Result<ByteVector> decrypt(const crypto::Key256& key, const Ciphertext& ciphertext,
                           const EncryptionContext& context) {
  return unseal(key, ciphertext.sealed, aad_of(ciphertext.header, context));
}

}  // namespace keyhold::devcloud::aws
