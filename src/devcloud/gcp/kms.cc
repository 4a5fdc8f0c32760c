// Cloud KMS v1: keys for ENCRYPT_DECRYPT and their versions.
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/crc32c.h"
#include "base/timestamp.h"
#include "devcloud/gcp/gcp.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::string_view kPurpose = "gcp kms key material";
constexpr const char* kVersions = "/cryptoKeyVersions";
constexpr std::size_t kMaxBytes = 64U << 10U;
constexpr std::int64_t kDestroyAfterMs = 30LL * 24 * 3600 * 1000;

std::string date_of(std::int64_t ms) {
  return format_timestamp(WallTime(std::chrono::milliseconds(ms)));
}

std::string key_of(const std::string& name) {
  return name.substr(0, name.find(kVersions));
}

// "1"; empty where the name is not a version's.
std::string version_of(const std::string& name) {
  const std::string start = key_of(name) + kVersions + "/";
  return name.starts_with(start) ? name.substr(start.size()) : std::string();
}

json version_json(const std::string& name, const json& version) {
  json out = {{"name", name},
              {"state", version.at("state")},
              {"algorithm", "GOOGLE_SYMMETRIC_ENCRYPTION"},
              {"protectionLevel", "SOFTWARE"},
              {"createTime", date_of(version.at("created"))}};
  if (version.contains("destroy")) out["destroyTime"] = date_of(version.at("destroy"));
  return out;
}

json key_json(const std::string& name, const json& key) {
  const auto primary = key.at("primary").get<std::string>();
  return {
      {"name", name},
      {"purpose", key.at("purpose")},
      {"createTime", date_of(key.at("created"))},
      {"primary", version_json(name + kVersions + "/" + primary, key.at("versions").at(primary))}};
}

tl::unexpected<GcpError> missing(const char* what, const std::string& name) {
  return refuse(404, "NOT_FOUND", std::string(what) + " " + name + " not found.");
}

Answer<void> check_enabled(const std::string& name, const json& version) {
  const auto state = version.at("state").get<std::string>();
  if (state == "ENABLED") return {};
  return refuse(
      400, "FAILED_PRECONDITION", name + " is not enabled, current state is: " + state + ".",
      json::array(
          {{{"@type", "type.googleapis.com/google.rpc.PreconditionFailure"},
            {"violations", json::array({{{"type", "KEY_" + state}, {"subject", name}}})}}}));
}

// A field whose checksum may come with it.
Answer<ByteVector> checked(const json& body, const std::string& field) {
  if (!body.contains(field)) return ByteVector();
  const auto bytes = from_base64(body.at(field).is_string() ? body.at(field).get<std::string>()
                                                            : std::string("?"));
  if (!bytes) return invalid("Invalid value at '" + field + "' (TYPE_BYTES)");
  if (bytes->size() > kMaxBytes) return invalid(field + " is longer than 65536 bytes.");
  const auto crc = body.find(field + "Crc32c");
  if (crc == body.end()) return *bytes;
  const std::string given = crc->is_string() ? crc->get<std::string>() : crc->dump();
  if (given == std::to_string(crc32c(*bytes))) return *bytes;
  return invalid("The checksum in field " + field + "_crc32c did not match the data in field " +
                 field + ".");
}

// Name and AAD: a ciphertext opens under its key alone.
ByteVector bound(const std::string& key, const ByteVector& aad) {
  ByteVector out(key.begin(), key.end());
  out.push_back(0);
  out.insert(out.end(), aad.begin(), aad.end());
  return out;
}

Answer<const json*> find_key(const State& state, const std::string& name) {
  const auto found = state.at("keys").find(key_of(name));
  if (found == state.at("keys").end()) return missing("CryptoKey", key_of(name));
  return &*found;
}

}  // namespace

Answer<json> Gcp::encrypt(const KmsCall& call, const State& state) const {
  const std::string name = key_of(call.name);
  KEYHOLD_TRY(
      check_allowed(state, call.principal, "cloudkms.cryptoKeyVersions.useToEncrypt", name));
  KEYHOLD_TRY_ASSIGN(const json* key, find_key(state, name));
  KEYHOLD_TRY_ASSIGN(const ByteVector plaintext, checked(call.body, "plaintext"));
  KEYHOLD_TRY_ASSIGN(const ByteVector aad, checked(call.body, "additionalAuthenticatedData"));
  std::string number = version_of(call.name);
  if (number.empty()) number = key->at("primary").get<std::string>();
  const auto version = key->at("versions").find(number);
  const std::string version_name = name + kVersions + "/" + number;
  if (version == key->at("versions").end()) return missing("CryptoKeyVersion", version_name);
  KEYHOLD_TRY(check_enabled(version_name, *version));
  const auto material = shared_.sealer.unwrap(kPurpose, version->at("wrapped").get<std::string>());
  if (!material) return refuse(500, "INTERNAL", material.error().message());
  const auto sealed = seal(*material, plaintext, bound(name, aad), shared_.machine().random);
  if (!sealed) return refuse(500, "INTERNAL", sealed.error().message());
  ByteVector ciphertext = {0x0a, static_cast<std::uint8_t>(std::stoul(number))};
  ciphertext.insert(ciphertext.end(), sealed->begin(), sealed->end());
  return json{{"name", version_name},
              {"ciphertext", to_base64(ciphertext)},
              {"ciphertextCrc32c", std::to_string(crc32c(ciphertext))},
              {"verifiedPlaintextCrc32c", call.body.contains("plaintextCrc32c")},
              {"verifiedAdditionalAuthenticatedDataCrc32c",
               call.body.contains("additionalAuthenticatedDataCrc32c")},
              {"protectionLevel", "SOFTWARE"}};
}

Answer<json> Gcp::decrypt(const KmsCall& call, const State& state) const {
  const std::string& name = call.name;
  KEYHOLD_TRY(
      check_allowed(state, call.principal, "cloudkms.cryptoKeyVersions.useToDecrypt", name));
  KEYHOLD_TRY_ASSIGN(const json* key, find_key(state, name));
  KEYHOLD_TRY_ASSIGN(const ByteVector ciphertext, checked(call.body, "ciphertext"));
  KEYHOLD_TRY_ASSIGN(const ByteVector aad, checked(call.body, "additionalAuthenticatedData"));
  const auto unreadable = [] { return invalid("Decryption failed: the ciphertext is invalid."); };
  if (ciphertext.size() < 2) return unreadable();
  const std::string number = std::to_string(ciphertext[1]);
  const auto version = key->at("versions").find(number);
  if (version == key->at("versions").end()) return unreadable();
  KEYHOLD_TRY(check_enabled(name + kVersions + "/" + number, *version));
  const auto material = shared_.sealer.unwrap(kPurpose, version->at("wrapped").get<std::string>());
  if (!material) return refuse(500, "INTERNAL", material.error().message());
  auto plaintext = unseal(*material, ByteView(ciphertext).subspan(2), bound(name, aad));
  if (!plaintext) return unreadable();
  if (call.wrong_key && !plaintext->empty()) plaintext->front() ^= 1;
  return json{{"plaintext", to_base64(*plaintext)},
              {"plaintextCrc32c", std::to_string(crc32c(*plaintext))},
              {"usedPrimary", number == key->at("primary").get<std::string>()},
              {"protectionLevel", "SOFTWARE"}};
}

Answer<json> Gcp::new_version() const {
  const auto material = crypto::Key256::generate(shared_.machine().random);
  if (!material) return refuse(500, "INTERNAL", material.error().message());
  const auto wrapped = shared_.sealer.wrap(kPurpose, *material);
  if (!wrapped) return refuse(500, "INTERNAL", wrapped.error().message());
  return json{{"state", "ENABLED"}, {"created", now_ms()}, {"wrapped", *wrapped}};
}

Answer<json> Gcp::create(const KmsCall& call, State& state) const {
  if (call.name.ends_with(kVersions)) {
    const std::string name = key_of(call.name);
    KEYHOLD_TRY(find_key(state, name));
    json& versions = state["keys"][name]["versions"];
    if (versions.size() == 255) return refuse(429, "RESOURCE_EXHAUSTED", "Too many versions.");
    const std::string number = std::to_string(versions.size() + 1);
    KEYHOLD_TRY_ASSIGN(versions[number], new_version());
    return version_json(call.name + "/" + number, versions[number]);
  }
  const bool ring = call.name.ends_with("/keyRings");
  const auto id = call.query.find(ring ? "keyRingId" : "cryptoKeyId");
  if (id == call.query.end()) return invalid("The id of what is to be created is missing.");
  const std::string name = call.name + "/" + id->second;
  json& all = state[ring ? "rings" : "keys"];
  if (all.contains(name)) return refuse(409, "ALREADY_EXISTS", name + " already exists.");
  if (ring) {
    all[name] = {{"created", now_ms()}};
    return json{{"name", name}, {"createTime", date_of(now_ms())}};
  }
  const std::string parent = call.name.substr(0, call.name.rfind('/'));
  if (!state.at("rings").contains(parent)) return missing("KeyRing", parent);
  if (call.body.value("purpose", "") != "ENCRYPT_DECRYPT") {
    return invalid("Only keys for ENCRYPT_DECRYPT are made here.");
  }
  KEYHOLD_TRY_ASSIGN(const json version, new_version());
  all[name] = {{"purpose", "ENCRYPT_DECRYPT"},
               {"created", now_ms()},
               {"primary", "1"},
               {"versions", {{"1", version}}}};
  return key_json(name, all[name]);
}

Answer<json> Gcp::edit(const KmsCall& call, State& state) const {
  KEYHOLD_TRY(find_key(state, call.name));
  json& key = state["keys"][key_of(call.name)];
  const std::string number = call.verb == "updatePrimaryVersion"
                                 ? call.body.value("cryptoKeyVersionId", "")
                                 : version_of(call.name);
  if (!key["versions"].contains(number)) return missing("CryptoKeyVersion", call.name);
  json& version = key["versions"][number];
  const auto is = version.at("state").get<std::string>();
  const auto not_possible = [&] {
    return refuse(400, "FAILED_PRECONDITION", call.name + " is " + is + ".");
  };
  if (call.verb == "updatePrimaryVersion") {
    key["primary"] = number;
    return key_json(call.name, key);
  }
  if (call.verb == "destroy") {
    if (is != "ENABLED" && is != "DISABLED") return not_possible();
    version["state"] = "DESTROY_SCHEDULED";
    version["destroy"] = now_ms() + kDestroyAfterMs;
  } else if (call.verb == "restore") {
    if (is != "DESTROY_SCHEDULED") return not_possible();
    version["state"] = "DISABLED";
    version.erase("destroy");
  } else {
    const std::string wanted = call.body.value("state", "");
    if (wanted != "ENABLED" && wanted != "DISABLED") return invalid("Invalid state: " + wanted);
    if (is != "ENABLED" && is != "DISABLED") return not_possible();
    version["state"] = wanted;
  }
  return version_json(call.name, version);
}

Answer<json> Gcp::change(const KmsCall& call) {
  GcpError refused;
  json made;
  const auto changed = versions_->change([&](State& state) -> Status {
    const bool creates = call.method == "POST" && call.verb.empty();
    auto answer = creates ? create(call, state) : edit(call, state);
    if (answer) {
      made = *std::move(answer);
      return {};
    }
    refused = answer.error();
    return fail(Code::invalid_argument, refused.message);
  });
  if (changed) return made;
  if (refused.message.empty()) return refuse(500, "INTERNAL", changed.error().message());
  return tl::unexpected(refused);
}

Answer<json> Gcp::kms(const KmsCall& call, const State& state) {
  if (call.method == "POST" && call.verb == "encrypt") return encrypt(call, state);
  if (call.method == "POST" && call.verb == "decrypt") return decrypt(call, state);
  if (call.method != "GET") {
    KEYHOLD_TRY(check_allowed(state, call.principal, "cloudkms.admin", call.name));
    return change(call);
  }
  KEYHOLD_TRY(check_allowed(state, call.principal, "cloudkms.cryptoKeys.get", call.name));
  KEYHOLD_TRY_ASSIGN(const json* key, find_key(state, call.name));
  const std::string number = version_of(call.name);
  if (number.empty()) return key_json(call.name, *key);
  if (!key->at("versions").contains(number)) return missing("CryptoKeyVersion", call.name);
  return version_json(call.name, key->at("versions").at(number));
}

void Gcp::end_due_versions() {
  const auto is_due = [now = now_ms()](const json& version) {
    return version.at("state") == "DESTROY_SCHEDULED" && version.at("destroy") <= now;
  };
  bool any = false;
  const auto newest = versions_->newest();
  for (const json& key : newest->at("keys")) {
    for (const json& version : key.at("versions")) any = any || is_due(version);
  }
  if (!any) return;
  // What cannot be saved is tried again with the next request.
  static_cast<void>(versions_->change([&](State& state) -> Status {
    for (json& key : state["keys"]) {
      for (json& version : key["versions"]) {
        if (!is_due(version)) continue;
        version["state"] = "DESTROYED";
        version.erase("wrapped");
      }
    }
    return {};
  }));
}

}  // namespace keyhold::devcloud::gcp
