#include "devcloud/gcp/kms.h"

#include <algorithm>
#include <array>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "devcloud/gcp/access.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

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
  std::string_view permission;           // of cloudkms; empty: none is needed
  std::vector<std::string_view> fields;  // of the body
  Read read = nullptr;
  Edit edit = nullptr;
};

const Kms::Operation* Kms::find(const std::string& http, const std::string& path) {
  using L = Level;
  const auto plain = {"plaintext", "plaintextCrc32c", "additionalAuthenticatedData",
                      "additionalAuthenticatedDataCrc32c", "name"};
  const auto cipher = {"ciphertext", "ciphertextCrc32c", "additionalAuthenticatedData",
                       "additionalAuthenticatedDataCrc32c", "name"};
  const std::vector<std::string_view> encrypts(plain.begin(), plain.end());
  const std::vector<std::string_view> decrypts(cipher.begin(), cipher.end());
  const std::vector<std::string_view> key = {
      "name",           "purpose",          "versionTemplate",         "labels",
      "rotationPeriod", "nextRotationTime", "destroyScheduledDuration"};
  const std::vector<std::string_view> policy = {"resource", "policy", "updateMask"};
  const std::vector<std::string_view> asked = {"resource", "permissions"};
  static const std::array kOperations = {
      Operation{"GET", "", L::rings, "ListKeyRings", "keyRings.list", {}, &Kms::list},
      Operation{"POST",
                "",
                L::rings,
                "CreateKeyRing",
                "keyRings.create",
                {"name"},
                nullptr,
                &Kms::create_ring},
      Operation{"GET", "", L::ring, "GetKeyRing", "keyRings.get", {}, &Kms::get},
      Operation{"GET", "", L::keys, "ListCryptoKeys", "cryptoKeys.list", {}, &Kms::list},
      Operation{"POST", "", L::keys, "CreateCryptoKey", "cryptoKeys.create", key, nullptr,
                &Kms::create_key},
      Operation{"GET", "", L::key, "GetCryptoKey", "cryptoKeys.get", {}, &Kms::get},
      Operation{"PATCH", "", L::key, "UpdateCryptoKey", "cryptoKeys.update", key, nullptr,
                &Kms::update_key},
      Operation{"POST",
                "updatePrimaryVersion",
                L::key,
                "UpdateCryptoKeyPrimaryVersion",
                "cryptoKeys.update",
                {"name", "cryptoKeyVersionId"},
                nullptr,
                &Kms::set_primary},
      Operation{"POST", "encrypt", L::key, "Encrypt", "cryptoKeyVersions.useToEncrypt", encrypts,
                &Kms::encrypt},
      Operation{"POST", "encrypt", L::version, "Encrypt", "cryptoKeyVersions.useToEncrypt",
                encrypts, &Kms::encrypt},
      Operation{"POST", "decrypt", L::key, "Decrypt", "cryptoKeyVersions.useToDecrypt", decrypts,
                &Kms::decrypt},
      Operation{"GET",
                "",
                L::versions,
                "ListCryptoKeyVersions",
                "cryptoKeyVersions.list",
                {},
                &Kms::list},
      Operation{"POST",
                "",
                L::versions,
                "CreateCryptoKeyVersion",
                "cryptoKeyVersions.create",
                {"name", "state"},
                nullptr,
                &Kms::create_version},
      Operation{
          "GET", "", L::version, "GetCryptoKeyVersion", "cryptoKeyVersions.get", {}, &Kms::get},
      Operation{"PATCH",
                "",
                L::version,
                "UpdateCryptoKeyVersion",
                "cryptoKeyVersions.update",
                {"name", "state"},
                nullptr,
                &Kms::update_version},
      Operation{"POST",
                "destroy",
                L::version,
                "DestroyCryptoKeyVersion",
                "cryptoKeyVersions.destroy",
                {"name"},
                nullptr,
                &Kms::destroy},
      Operation{"POST",
                "restore",
                L::version,
                "RestoreCryptoKeyVersion",
                "cryptoKeyVersions.restore",
                {"name"},
                nullptr,
                &Kms::restore},
      Operation{"GET",
                "getIamPolicy",
                L::ring,
                "GetIamPolicy",
                "keyRings.getIamPolicy",
                {},
                &Kms::get_policy},
      Operation{"GET",
                "getIamPolicy",
                L::key,
                "GetIamPolicy",
                "cryptoKeys.getIamPolicy",
                {},
                &Kms::get_policy},
      Operation{"POST", "setIamPolicy", L::ring, "SetIamPolicy", "keyRings.setIamPolicy", policy,
                nullptr, &Kms::set_policy},
      Operation{"POST", "setIamPolicy", L::key, "SetIamPolicy", "cryptoKeys.setIamPolicy", policy,
                nullptr, &Kms::set_policy},
      Operation{"POST", "testIamPermissions", L::ring, "TestIamPermissions", "", asked,
                &Kms::test_permissions},
      Operation{"POST", "testIamPermissions", L::key, "TestIamPermissions", "", asked,
                &Kms::test_permissions},
  };
  const Target target = target_of(path);
  const auto name = parse_name(target.name);
  if (!name) return nullptr;
  const auto found = std::ranges::find_if(kOperations, [&](const Operation& row) {
    return row.http == http && row.verb == target.verb && row.level == name->level;
  });
  return found == kOperations.end() ? nullptr : &*found;
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
