// The transit engine: keys, encrypt, decrypt. A ciphertext is "vault:vN:" and the base64 of a nonce
// (12 bytes), the sealed bytes and a tag (16 bytes), as Vault has it for AES-256-GCM.
#include <charconv>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "crypto/aead.h"
#include "devcloud/text.h"
#include "devcloud/vault/call.h"

namespace keyhold::devcloud::vault {
namespace {

using nlohmann::json;

constexpr const char* kPurpose = "vault transit key";
constexpr const char* kType = "aes256-gcm96";
constexpr std::string_view kPrefix = "vault:v";

int latest(const Key& key) {
  return static_cast<int>(key.generations.size());
}

Reply described(const std::string& name, const Key& key) {
  json versions = json::object();
  for (int number = key.min_decryption_version; number <= latest(key); ++number) {
    versions[std::to_string(number)] =
        key.generations[static_cast<std::size_t>(number) - 1].created_s;
  }
  return with_data({{"allow_plaintext_backup", false},
                    {"auto_rotate_period", 0},
                    {"deletion_allowed", key.deletion_allowed},
                    {"derived", false},
                    {"exportable", false},
                    {"imported_key", false},
                    {"keys", versions},
                    {"latest_version", latest(key)},
                    {"min_available_version", 0},
                    {"min_decryption_version", key.min_decryption_version},
                    {"min_encryption_version", key.min_encryption_version},
                    {"name", name},
                    {"soft_deleted", key.soft_deleted},
                    {"supports_decryption", true},
                    {"supports_derivation", true},
                    {"supports_encryption", true},
                    {"supports_signing", false},
                    {"type", key.type}});
}

Answer<int> version_member(const json& body, const char* name, const char* words, int newest) {
  const std::int64_t version = body.at(name).get<std::int64_t>();
  if (version < 0) return refuse(400, "min " + std::string(words) + " version cannot be negative");
  if (version > newest) {
    return refuse(400, "cannot set min " + std::string(words) + " version of " +
                           std::to_string(version) + ", latest key version is " +
                           std::to_string(newest));
  }
  return static_cast<int>(version);
}

Answer<void> configure(const json& body, Key& key) {
  if (body.contains("min_decryption_version")) {
    KEYHOLD_TRY_ASSIGN(key.min_decryption_version,
                       version_member(body, "min_decryption_version", "decryption", latest(key)));
    if (key.min_decryption_version == 0) key.min_decryption_version = 1;
  }
  if (body.contains("min_encryption_version")) {
    KEYHOLD_TRY_ASSIGN(key.min_encryption_version,
                       version_member(body, "min_encryption_version", "encryption", latest(key)));
  }
  if (key.min_encryption_version > 0 && key.min_encryption_version < key.min_decryption_version) {
    return refuse(400, "cannot set min encryption/decryption values; min encryption version of " +
                           std::to_string(key.min_encryption_version) +
                           " must be greater than or equal to min decryption version of " +
                           std::to_string(key.min_decryption_version));
  }
  if (body.contains("deletion_allowed"))
    key.deletion_allowed = body["deletion_allowed"].get<bool>();
  return {};
}

Answer<ByteVector> associated_data(const json& body) {
  auto bytes = from_base64(text_member(body, "associated_data"));
  if (bytes) return *std::move(bytes);
  return refuse(500,
                "1 error occurred:\n\t* unable to get associated_data/additional_data from "
                "factory[0]: illegal base64 data\n\n");
}

Answer<const Key*> usable_key(const VaultState& state, const std::string& id) {
  const auto found = state.keys.find(id);
  if (found == state.keys.end()) return refuse(400, "encryption key not found");
  if (found->second.soft_deleted) return refuse(400, "refusing to use soft-deleted key");
  return &found->second;
}

Answer<crypto::AeadKey> open_key(const Sealer& sealer, const Key& key, int version) {
  const auto& generation = key.generations[static_cast<std::size_t>(version) - 1];
  const auto plain = sealer.unwrap(kPurpose, generation.wrapped);
  if (!plain) return refuse(500, plain.error().message());
  auto expanded = crypto::AeadKey::expand(*plain);
  if (!expanded) return refuse(500, expanded.error().message());
  return *std::move(expanded);
}

// The version that the ciphertext names, and its base64.
Answer<std::pair<int, std::string>> take_apart(const std::string& text) {
  if (!text.starts_with(kPrefix)) return refuse(400, "invalid ciphertext: no prefix");
  const std::size_t colon = text.find(':', kPrefix.size());
  if (colon == std::string::npos) {
    return refuse(400, "invalid ciphertext: wrong number of fields");
  }
  int version = 0;
  const char* const end = text.data() + colon;
  const auto parsed = std::from_chars(text.data() + kPrefix.size(), end, version);
  if (parsed.ec != std::errc() || parsed.ptr != end || version < 0) {
    return refuse(400, "invalid ciphertext: version number could not be decoded");
  }
  return std::pair(version == 0 ? 1 : version, text.substr(colon + 1));
}

Answer<int> encryption_version(const json& body, const Key& key) {
  KEYHOLD_TRY_ASSIGN(const int asked, count_member(body, "key_version"));
  if (asked > latest(key)) {
    return refuse(400, "requested version for encryption is higher than the latest key version");
  }
  if (asked != 0 && asked < key.min_encryption_version) {
    return refuse(400,
                  "requested version for encryption is less than the minimum encryption key "
                  "version");
  }
  return asked == 0 ? latest(key) : asked;
}

}  // namespace

Answer<KeyGeneration> Vault::new_generation() const {
  const auto key = crypto::Key256::generate(shared_.machine().random);
  if (!key) return refuse(500, key.error().message());
  auto wrapped = shared_.sealer.wrap(kPurpose, *key);
  if (!wrapped) return refuse(500, wrapped.error().message());
  return KeyGeneration{*std::move(wrapped), now_s()};
}

Answer<Reply> Vault::create_key(const json& body, const std::string& id, const std::string& name) {
  const std::string type = body.contains("type") ? text_member(body, "type") : kType;
  if (type != kType) return refuse(400, "unknown key type " + type);
  for (const char* no : {"derived", "exportable", "convergent_encryption"}) {
    if (body.value(no, false)) return refuse(400, std::string(no) + " keys are not served");
  }
  KEYHOLD_TRY_ASSIGN(const KeyGeneration first, new_generation());
  Reply reply;
  KEYHOLD_TRY(change([&](VaultState& state) -> Answer<void> {
    Key& key = state.keys[id];
    if (key.generations.empty()) {
      key.type = type;
      key.generations = {first};
    }
    reply = described(name, key);
    return {};
  }));
  return reply;
}

Answer<Reply> Vault::change_key(const Call& call, const std::string& id, const std::string& name,
                                const std::string& what) {
  KEYHOLD_TRY_ASSIGN(const KeyGeneration next, new_generation());
  Reply reply;
  KEYHOLD_TRY(change([&](VaultState& state) -> Answer<void> {
    const auto found = state.keys.find(id);
    if (found == state.keys.end()) {
      return what == "rotate" ? refuse(400, "key not found")
                              : refuse(400, "no existing key named " + name + " could be found");
    }
    Key& key = found->second;
    if (what == "soft-delete") key.soft_deleted = true;
    if (what == "soft-delete-restore") key.soft_deleted = false;
    if (what == "rotate") key.generations.push_back(next);
    if (what == "config") KEYHOLD_TRY(configure(call.body(), key));
    reply = described(name, key);
    return {};
  }));
  return reply;
}

Answer<Reply> Vault::delete_key(const std::string& id, const std::string& name) {
  KEYHOLD_TRY(change([&](VaultState& state) -> Answer<void> {
    const auto found = state.keys.find(id);
    const std::string begin = "error deleting policy " + name + ": ";
    if (found == state.keys.end()) return refuse(400, begin + "could not delete key; not found");
    if (!found->second.deletion_allowed) {
      return refuse(400, begin + "deletion is not allowed for this key");
    }
    state.keys.erase(found);
    return {};
  }));
  return Reply{};
}

Answer<Reply> Vault::keys(const Call& call, const Place& place) {
  const auto& rest = place.rest;
  const std::string prefix = place.mount + "/";
  if (rest.size() == 1) {
    if (call.operation != "list") return refuse_one(405, "unsupported operation");
    json names = json::array();
    for (const auto& [id, key] : call.state->keys) {
      if (id.starts_with(prefix)) names.push_back(id.substr(prefix.size()));
    }
    if (names.empty()) return nothing_here();
    return with_data({{"keys", names}});
  }
  const std::string& name = rest[1];
  const std::string id = prefix + name;
  if (rest.size() == 2) {
    if (call.operation == "update") return create_key(call.body(), id, name);
    if (call.operation == "delete") return delete_key(id, name);
    if (call.operation != "read") return refuse_one(405, "unsupported operation");
    const auto found = call.state->keys.find(id);
    if (found == call.state->keys.end()) return nothing_here();
    return described(name, found->second);
  }
  const std::string& what = rest[2];
  const std::string wanted = what == "soft-delete" ? "delete" : "update";
  const bool known = what == "config" || what == "rotate" || what == "soft-delete" ||
                     what == "soft-delete-restore";
  if (!known || rest.size() > 3) return refuse_one(404, "unsupported path");
  if (call.operation != wanted) return refuse_one(405, "unsupported operation");
  return change_key(call, id, name, what);
}

Answer<Reply> Vault::encrypt(const Call& call, const std::string& id) {
  if (!call.body().contains("plaintext")) return refuse(400, "missing plaintext to encrypt");
  const auto plaintext = from_base64(text_member(call.body(), "plaintext"));
  if (!plaintext) return refuse(400, "illegal base64 data at input byte 0");
  KEYHOLD_TRY_ASSIGN(const ByteVector data, associated_data(call.body()));
  auto state = call.state;
  if (!state->keys.contains(id)) {
    // Who may create makes the key by using it.
    KEYHOLD_TRY(create_key(json::object(), id, ""));
    state = versions_.visible();
  }
  KEYHOLD_TRY_ASSIGN(const Key* const key, usable_key(*state, id));
  KEYHOLD_TRY_ASSIGN(const int version, encryption_version(call.body(), *key));
  KEYHOLD_TRY_ASSIGN(const crypto::AeadKey opened, open_key(shared_.sealer, *key, version));
  crypto::Nonce nonce{};
  shared_.machine().random.fill(nonce);
  ByteVector sealed(nonce.size() + plaintext->size() + crypto::kTagSizeBytes);
  std::ranges::copy(nonce, sealed.begin());
  const MutableByteView all(sealed);
  opened.seal(nonce, data, *plaintext, all.subspan(nonce.size(), plaintext->size()),
              all.last(crypto::kTagSizeBytes));
  return with_data(
      {{"ciphertext", std::string(kPrefix) + std::to_string(version) + ":" + to_base64(sealed)},
       {"key_version", version}});
}

Answer<Reply> Vault::decrypt(const Call& call, const std::string& id) const {
  const std::string text = text_member(call.body(), "ciphertext");
  if (text.empty()) return refuse(400, "missing ciphertext to decrypt");
  KEYHOLD_TRY_ASSIGN(const ByteVector data, associated_data(call.body()));
  KEYHOLD_TRY_ASSIGN(const Key* const key, usable_key(*call.state, id));
  KEYHOLD_TRY_ASSIGN(const auto parts, take_apart(text));
  if (parts.first > latest(*key)) return refuse(400, "invalid ciphertext: version is too new");
  if (parts.first < key->min_decryption_version) {
    return refuse(400, "ciphertext or signature version is disallowed by policy (too old)");
  }
  const auto sealed = from_base64(parts.second);
  if (!sealed) return refuse(400, "invalid ciphertext: could not decode base64");
  if (sealed->size() < crypto::kNonceSizeBytes) return refuse(400, "invalid ciphertext length");
  const auto failed = [] { return refuse(400, "cipher: message authentication failed"); };
  if (sealed->size() < crypto::kNonceSizeBytes + crypto::kTagSizeBytes) return failed();
  KEYHOLD_TRY_ASSIGN(const crypto::AeadKey opened, open_key(shared_.sealer, *key, parts.first));
  crypto::Nonce nonce{};
  std::copy_n(sealed->begin(), nonce.size(), nonce.begin());
  ByteVector plain(sealed->size() - nonce.size() - crypto::kTagSizeBytes);
  const ByteView all(*sealed);
  const bool good = opened.open(nonce, data, all.subspan(nonce.size(), plain.size()),
                                all.last(crypto::kTagSizeBytes), plain);
  if (!good) return failed();
  if (call.wrong_key && !plain.empty()) plain.front() ^= 1;
  return with_data({{"plaintext", to_base64(plain)}});
}

Answer<Reply> Vault::transit(const Call& call, const Place& place) {
  const auto& rest = place.rest;
  if (rest[0] == "keys") return keys(call, place);
  if (rest.size() != 2 || (rest[0] != "encrypt" && rest[0] != "decrypt")) {
    return refuse_one(404, "unsupported path");
  }
  if (call.operation != "update") return refuse_one(405, "unsupported operation");
  for (const char* no : {"batch_input", "context", "nonce"}) {
    if (call.body().contains(no)) return refuse(400, std::string(no) + " is not served");
  }
  const std::string id = place.mount + "/" + rest[1];
  return rest[0] == "encrypt" ? encrypt(call, id) : decrypt(call, id);
}

}  // namespace keyhold::devcloud::vault
