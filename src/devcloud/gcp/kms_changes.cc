// Changes of rings, keys, versions and their policies; all of them on the newest state.
#include <algorithm>
#include <array>
#include <charconv>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "devcloud/gcp/access.h"
#include "devcloud/gcp/enums.h"
#include "devcloud/gcp/identity.h"
#include "devcloud/gcp/kms.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
constexpr std::int64_t kDestroyAfterMs = 30 * kDayMs;
constexpr std::int64_t kMaxDestroyAfterMs = 120 * kDayMs;
constexpr std::size_t kMaxVersions = 10'000;
constexpr const char* kSymmetric = "ENCRYPT_DECRYPT";
constexpr const char* kSymmetricAlgorithm = "GOOGLE_SYMMETRIC_ENCRYPTION";
constexpr std::array<std::string_view, 4> kPurposes = {kSymmetric, "ASYMMETRIC_SIGN",
                                                       "ASYMMETRIC_DECRYPT", "MAC"};

tl::unexpected<GcpError> exists(const std::string& what, const std::string& name) {
  return refuse(409, "ALREADY_EXISTS", what + " " + name + " already exists.");
}

Answer<std::string> new_id(const KmsCall& call, const char* parameter) {
  const auto id = call.query.find(parameter);
  if (id != call.query.end() && is_id(id->second)) return id->second;
  return invalid(std::string(parameter) + " does not match [a-zA-Z0-9_-]{1,63}.");
}

// "86400s" → milliseconds.
Answer<std::int64_t> duration_of(const json& value, const char* field) {
  const std::string text = value.is_string() ? value.get<std::string>() : std::string();
  std::int64_t seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool good = parsed.ec == std::errc() && text.ends_with('s') &&
                    parsed.ptr == text.data() + text.size() - 1 && seconds >= 0 &&
                    seconds < 1'000'000'000;
  if (good) return seconds * 1000;
  return invalid("Illegal duration format in '" + std::string(field) + "': " + text);
}

Answer<std::string> algorithm_of(const json& body, const std::string& purpose) {
  const json given = body.value("versionTemplate", json::object());
  if (!given.is_object()) return invalid("Invalid value at 'crypto_key.version_template'");
  const std::string level = protection_level_in(given);
  if (!level.empty() && level != "SOFTWARE") return invalid(level + " keys are not made here.");
  const std::string algorithm = algorithm_in(given);
  if (purpose == kSymmetric) {
    if (algorithm.empty() || algorithm == kSymmetricAlgorithm) return kSymmetricAlgorithm;
    return invalid("Algorithm " + algorithm + " is not valid for purpose " + purpose + ".");
  }
  if (algorithm.empty() || algorithm == kSymmetricAlgorithm) {
    return invalid("version_template.algorithm must be given for purpose " + purpose + ".");
  }
  return algorithm;
}

Answer<void> copy_fields(const json& body, json& key) {
  if (const auto labels = body.find("labels"); labels != body.end()) {
    const bool good = labels->is_object() && std::ranges::all_of(*labels, [](const json& label) {
                        return label.is_string();
                      });
    if (!good) return invalid("Invalid value at 'crypto_key.labels'");
    key["labels"] = *labels;
  }
  if (const auto period = body.find("rotationPeriod"); period != body.end()) {
    KEYHOLD_TRY_ASSIGN(const std::int64_t ms, duration_of(*period, "rotation_period"));
    if (ms < kDayMs) return invalid("rotation_period must be at least 24 hours.");
    key["rotationPeriod"] = *period;
  }
  if (const auto next = body.find("nextRotationTime"); next != body.end()) {
    if (!next->is_string()) return invalid("Invalid value at 'crypto_key.next_rotation_time'");
    key["nextRotationTime"] = *next;
  }
  return {};
}

Answer<void> check_mask(const KmsCall& call, const std::vector<std::string>& known) {
  const auto mask = call.query.find("updateMask");
  if (mask == call.query.end() || mask->second.empty()) return invalid("update_mask is required.");
  for (const std::string& path : split(mask->second, ',')) {
    if (std::ranges::find(known, path) == known.end()) {
      return invalid("update_mask: " + path + " cannot be updated.");
    }
  }
  return {};
}

tl::unexpected<GcpError> not_possible(const Name& name, const std::string& state) {
  return refuse(400, "FAILED_PRECONDITION",
                name.full + " is in state " + state + ", which does not allow this.");
}

Answer<json*> version_in(State& state, const Name& name) {
  KEYHOLD_TRY(find_version(state, name));
  return &state["keys"][name.key]["versions"][name.number];
}

json told(const State& state, const Name& name) {
  const json& key = state.at("keys").at(name.key);
  return version_json(name.full, key, key.at("versions").at(name.number));
}

}  // namespace

Answer<json> Kms::create_ring(const KmsCall& call, const Name& name, State& state) const {
  KEYHOLD_TRY_ASSIGN(const std::string id, new_id(call, "keyRingId"));
  const std::string full = name.full + "/" + id;
  if (state["rings"].contains(full)) return exists("KeyRing", full);
  state["rings"][full] = {{"created", now_ms()}};
  return json{{"name", full}, {"createTime", date_of(now_ms())}};
}

Answer<json> Kms::create_key(const KmsCall& call, const Name& name, State& state) const {
  KEYHOLD_TRY_ASSIGN(const std::string id, new_id(call, "cryptoKeyId"));
  if (!state.at("rings").contains(name.ring)) {
    return refuse(404, "NOT_FOUND", "KeyRing " + name.ring + " not found.");
  }
  const std::string full = name.full + "/" + id;
  if (state["keys"].contains(full)) return exists("CryptoKey", full);
  const std::string purpose = purpose_in(call.body);
  if (std::ranges::find(kPurposes, purpose) == kPurposes.end()) {
    return invalid("Invalid value at 'crypto_key.purpose': \"" + purpose + "\"");
  }
  KEYHOLD_TRY_ASSIGN(const std::string algorithm, algorithm_of(call.body, purpose));
  std::int64_t after = kDestroyAfterMs;
  if (const auto given = call.body.find("destroyScheduledDuration"); given != call.body.end()) {
    KEYHOLD_TRY_ASSIGN(after, duration_of(*given, "destroy_scheduled_duration"));
    if (after < kDayMs || after > kMaxDestroyAfterMs) {
      return invalid("destroy_scheduled_duration must be between 24 hours and 120 days.");
    }
  }
  json key = {{"purpose", purpose},
              {"algorithm", algorithm},
              {"created", now_ms()},
              {"destroy_after", after},
              {"versions", json::object()}};
  if (purpose != kSymmetric && call.body.contains("rotationPeriod")) {
    return invalid("rotation_period is for keys of purpose ENCRYPT_DECRYPT.");
  }
  KEYHOLD_TRY(copy_fields(call.body, key));
  const auto skip = call.query.find("skipInitialVersionCreation");
  if (skip == call.query.end() || to_lower(skip->second) != "true") {
    KEYHOLD_TRY_ASSIGN(key["versions"]["1"], new_version(purpose));
    if (purpose == kSymmetric) key["primary"] = "1";
  }
  state["keys"][full] = key;
  return key_json(full, key);
}

Answer<json> Kms::create_version(const KmsCall& /*call*/, const Name& name, State& state) const {
  KEYHOLD_TRY(find_key(state, name));
  json& key = state["keys"][name.key];
  json& versions = key["versions"];
  if (versions.size() >= kMaxVersions)
    return refuse(429, "RESOURCE_EXHAUSTED", "Too many versions.");
  const std::string number = std::to_string(versions.size() + 1);
  KEYHOLD_TRY_ASSIGN(versions[number], new_version(key.at("purpose").get<std::string>()));
  return version_json(name.full + "/" + number, key, versions[number]);
}

Answer<json> Kms::update_key(const KmsCall& call, const Name& name, State& state) const {
  KEYHOLD_TRY(find_key(state, name));
  KEYHOLD_TRY(check_mask(call, {"labels", "rotationPeriod", "nextRotationTime", "rotation_period",
                                "next_rotation_time"}));
  json& key = state["keys"][name.key];
  KEYHOLD_TRY(copy_fields(call.body, key));
  return key_json(name.full, key);
}

Answer<json> Kms::update_version(const KmsCall& call, const Name& name, State& state) const {
  KEYHOLD_TRY_ASSIGN(json * version, version_in(state, name));
  KEYHOLD_TRY(check_mask(call, {"state"}));
  const std::string wanted = version_state_in(call.body);
  if (wanted != "ENABLED" && wanted != "DISABLED") {
    return invalid("Invalid value at 'crypto_key_version.state': \"" + wanted + "\"");
  }
  const auto is = version->at("state").get<std::string>();
  if (is != "ENABLED" && is != "DISABLED") return not_possible(name, is);
  (*version)["state"] = wanted;
  return told(state, name);
}

Answer<json> Kms::set_primary(const KmsCall& call, const Name& name, State& state) const {
  KEYHOLD_TRY(find_key(state, name));
  json& key = state["keys"][name.key];
  if (key.at("purpose") != kSymmetric) {
    return invalid(name.key + " has no primary version: its purpose is not ENCRYPT_DECRYPT.");
  }
  Name version = name;
  version.number = text_of(call.body, "cryptoKeyVersionId");
  if (version.number.empty()) return invalid("crypto_key_version_id is required.");
  version.full = name.key + "/cryptoKeyVersions/" + version.number;
  KEYHOLD_TRY_ASSIGN(const json* found, find_version(state, version));
  const auto is = found->at("state").get<std::string>();
  if (is != "ENABLED") {
    return refuse(400, "FAILED_PRECONDITION",
                  version.full + " is not enabled, current state is: " + is + ".");
  }
  key["primary"] = version.number;
  return key_json(name.key, key);
}

Answer<json> Kms::destroy(const KmsCall& /*call*/, const Name& name, State& state) const {
  KEYHOLD_TRY_ASSIGN(json * version, version_in(state, name));
  const auto is = version->at("state").get<std::string>();
  if (is != "ENABLED" && is != "DISABLED") return not_possible(name, is);
  (*version)["state"] = "DESTROY_SCHEDULED";
  (*version)["destroy"] =
      now_ms() + state["keys"][name.key].at("destroy_after").get<std::int64_t>();
  return told(state, name);
}

Answer<json> Kms::restore(const KmsCall& /*call*/, const Name& name, State& state) const {
  KEYHOLD_TRY_ASSIGN(json * version, version_in(state, name));
  const auto is = version->at("state").get<std::string>();
  if (is != "DESTROY_SCHEDULED") return not_possible(name, is);
  (*version)["state"] = "DISABLED";
  version->erase("destroy");
  return told(state, name);
}

Answer<json> Kms::set_policy(const KmsCall& call, const Name& name, State& state) const {
  const bool ring = name.level == Level::ring;
  if (!state.at(ring ? "rings" : "keys").contains(name.full)) {
    return refuse(404, "NOT_FOUND", name.full + " not found.");
  }
  const json policy = call.body.value("policy", json());
  if (!policy.is_object()) return invalid("Invalid value at 'policy'");
  const std::string etag = text_of(policy, "etag");
  if (!etag.empty() && json(etag) != policy_json(state, name.full).at("etag")) {
    return refuse(409, "ABORTED",
                  "There were concurrent policy changes. Please retry the whole "
                  "read-modify-write with exponential backoff.");
  }
  const json bindings = policy.value("bindings", json::array());
  KEYHOLD_TRY(check_bindings(state, bindings));
  state["policies"][name.full] = {{"bindings", bindings}};
  return policy_json(state, name.full);
}

}  // namespace keyhold::devcloud::gcp
