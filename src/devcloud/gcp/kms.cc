#include "devcloud/gcp/kms.h"

#include <algorithm>
#include <array>
#include <span>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "devcloud/gcp/access.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

using Fields = std::span<const std::string_view>;
constexpr std::array<std::string_view, 1> kNamed = {"name"};
constexpr std::array<std::string_view, 2> kVersion = {"name", "state"};
constexpr std::array<std::string_view, 2> kPrimary = {"name", "cryptoKeyVersionId"};
constexpr std::array<std::string_view, 7> kKey = {
    "name",           "purpose",          "versionTemplate",         "labels",
    "rotationPeriod", "nextRotationTime", "destroyScheduledDuration"};
constexpr std::array<std::string_view, 5> kEncrypt = {"name", "plaintext", "plaintextCrc32c",
                                                      "additionalAuthenticatedData",
                                                      "additionalAuthenticatedDataCrc32c"};
constexpr std::array<std::string_view, 5> kDecrypt = {"name", "ciphertext", "ciphertextCrc32c",
                                                      "additionalAuthenticatedData",
                                                      "additionalAuthenticatedDataCrc32c"};
constexpr std::array<std::string_view, 3> kPolicy = {"resource", "policy", "updateMask"};
constexpr std::array<std::string_view, 2> kPermissions = {"resource", "permissions"};

struct Target {
  std::string name;
  std::string verb;
};

Target target_of(const std::string& path) {
  const std::size_t colon = path.rfind(':');
  if (colon == std::string::npos) return {path, ""};
  return {path.substr(0, colon), path.substr(colon + 1)};
}

}  // namespace

struct Kms::Operation {
  using Read = Answer<Json> (Kms::*)(const KmsCall&, const Name&, const State&) const;
  using Edit = Answer<Json> (Kms::*)(const KmsCall&, const Name&, State&) const;

  std::string_view http;
  std::string_view verb;
  Level level;
  std::string_view method;
  std::string_view permission;  // of cloudkms; empty: none is needed
  Fields fields;                // of the body
  Read read = nullptr;
  Edit edit = nullptr;

  static const Operation kAll[23];
};

using L = Level;
constexpr Kms::Operation Kms::Operation::kAll[23] = {
    {"GET", "", L::rings, "ListKeyRings", "keyRings.list", {}, &Kms::list},
    {"POST", "", L::rings, "CreateKeyRing", "keyRings.create", kNamed, {}, &Kms::create_ring},
    {"GET", "", L::ring, "GetKeyRing", "keyRings.get", {}, &Kms::get},
    {"GET", "", L::keys, "ListCryptoKeys", "cryptoKeys.list", {}, &Kms::list},
    {"POST", "", L::keys, "CreateCryptoKey", "cryptoKeys.create", kKey, {}, &Kms::create_key},
    {"GET", "", L::key, "GetCryptoKey", "cryptoKeys.get", {}, &Kms::get},
    {"PATCH", "", L::key, "UpdateCryptoKey", "cryptoKeys.update", kKey, {}, &Kms::update_key},
    {"POST",
     "updatePrimaryVersion",
     L::key,
     "UpdateCryptoKeyPrimaryVersion",
     "cryptoKeys.update",
     kPrimary,
     {},
     &Kms::set_primary},
    {"POST", "encrypt", L::key, "Encrypt", "cryptoKeyVersions.useToEncrypt", kEncrypt,
     &Kms::encrypt},
    {"POST", "encrypt", L::version, "Encrypt", "cryptoKeyVersions.useToEncrypt", kEncrypt,
     &Kms::encrypt},
    {"POST", "decrypt", L::key, "Decrypt", "cryptoKeyVersions.useToDecrypt", kDecrypt,
     &Kms::decrypt},
    {"GET", "", L::versions, "ListCryptoKeyVersions", "cryptoKeyVersions.list", {}, &Kms::list},
    {"POST",
     "",
     L::versions,
     "CreateCryptoKeyVersion",
     "cryptoKeyVersions.create",
     kVersion,
     {},
     &Kms::create_version},
    {"GET", "", L::version, "GetCryptoKeyVersion", "cryptoKeyVersions.get", {}, &Kms::get},
    {"PATCH",
     "",
     L::version,
     "UpdateCryptoKeyVersion",
     "cryptoKeyVersions.update",
     kVersion,
     {},
     &Kms::update_version},
    {"POST",
     "destroy",
     L::version,
     "DestroyCryptoKeyVersion",
     "cryptoKeyVersions.destroy",
     kNamed,
     {},
     &Kms::destroy},
    {"POST",
     "restore",
     L::version,
     "RestoreCryptoKeyVersion",
     "cryptoKeyVersions.restore",
     kNamed,
     {},
     &Kms::restore},
    {"GET", "getIamPolicy", L::ring, "GetIamPolicy", "keyRings.getIamPolicy", {}, &Kms::get_policy},
    {"GET",
     "getIamPolicy",
     L::key,
     "GetIamPolicy",
     "cryptoKeys.getIamPolicy",
     {},
     &Kms::get_policy},
    {"POST",
     "setIamPolicy",
     L::ring,
     "SetIamPolicy",
     "keyRings.setIamPolicy",
     kPolicy,
     {},
     &Kms::set_policy},
    {"POST",
     "setIamPolicy",
     L::key,
     "SetIamPolicy",
     "cryptoKeys.setIamPolicy",
     kPolicy,
     {},
     &Kms::set_policy},
    {"POST", "testIamPermissions", L::ring, "TestIamPermissions", "", kPermissions,
     &Kms::test_permissions},
    {"POST", "testIamPermissions", L::key, "TestIamPermissions", "", kPermissions,
     &Kms::test_permissions},
};

const Kms::Operation* Kms::find(const std::string& http, const std::string& path) {
  const Target target = target_of(path);
  const auto name = parse_name(target.name);
  if (!name) return nullptr;
  const auto* const found = std::ranges::find_if(Operation::kAll, [&](const Operation& row) {
    return row.http == http && row.verb == target.verb && row.level == name->level;
  });
  return found == std::end(Operation::kAll) ? nullptr : found;
}

std::string Kms::method_of(const std::string& http, const std::string& path) {
  const Operation* const operation = find(http, path);
  return operation == nullptr ? std::string() : std::string(operation->method);
}

std::int64_t Kms::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             shared_.machine().clock.wall_now().time_since_epoch())
      .count();
}

Answer<json> Kms::handle(const KmsCall& call, const State& state) const {
  const Operation* const operation = find(call.http, call.path);
  if (operation == nullptr) return refuse(404, "NOT_FOUND", "Method not found.");
  const Name name = *parse_name(target_of(call.path).name);
  if (!call.body.is_object()) return invalid("Invalid JSON payload received.");
  for (const auto& [field, value] : call.body.items()) {
    if (std::ranges::find(operation->fields, field) == operation->fields.end()) {
      return invalid("Invalid JSON payload received. Unknown name \"" + field +
                     "\": Cannot find field.");
    }
  }
  if (!operation->permission.empty() && !call.member.empty()) {
    // A version has no policy of its own: its key is named.
    const std::string& resource = name.number.empty() ? name.parent : name.key;
    KEYHOLD_TRY(check_allowed(state, call.member, "cloudkms." + std::string(operation->permission),
                              resource));
  }
  if (operation->read != nullptr) return (this->*operation->read)(call, name, state);
  return edit(*operation, call, name);
}

Answer<json> Kms::edit(const Operation& operation, const KmsCall& call, const Name& name) const {
  GcpError refused;
  json made;
  const auto changed = versions_->change([&](State& state) -> Status {
    auto answer = (this->*operation.edit)(call, name, state);
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

void Kms::end_due_versions() const {
  const auto is_due = [now = now_ms()](const json& version) {
    return version.at("state") == "DESTROY_SCHEDULED" && version.at("destroy") <= now;
  };
  const auto newest = versions_->newest();
  const bool any = std::ranges::any_of(newest->at("keys"), [&](const json& key) {
    return std::ranges::any_of(key.at("versions"), is_due);
  });
  if (!any) return;
  // What cannot be saved is tried again with the next request.
  const Status ended = versions_->change([&](State& state) -> Status {
    for (json& key : state["keys"]) {
      for (json& version : key["versions"]) {
        if (!is_due(version)) continue;
        version["state"] = "DESTROYED";
        version.erase("wrapped");
      }
    }
    return {};
  });
  if (!ended) log::error("a version's destruction was not saved: " + ended.error().message());
}

}  // namespace keyhold::devcloud::gcp
