#include "kms/secret_json.h"

#include <string>

#include "base/base64.h"
#include "base/json_member.h"

namespace keyhold::kms {
namespace {

tl::unexpected<keyhold::Error> no_key(std::string_view name) {
  return fail(Code::invalid_argument,
              "not a JSON text with one " + std::string(name) + ", the base64 of 32 bytes");
}

}  // namespace

keyhold::Result<crypto::Key256> take_key(WipedString& json, std::string_view name) {
  KEYHOLD_TRY_ASSIGN(crypto::Key256 key, crypto::Key256::allocate());
  // Some of Google's services write '=' as \u003d.
  KEYHOLD_TRY_ASSIGN(const WipedString text, take_json_string(json, name));
  const Status decoded = decode_base64(text, key.bytes(crypto::SecretAccess::grant()));
  if (!decoded) return no_key(name);
  return key;
}

void append_key(WipedString& to, const crypto::Key256& key) {
  append_base64(to, key.bytes(crypto::SecretAccess::grant()));
}

}  // namespace keyhold::kms
