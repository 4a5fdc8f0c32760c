// Reading: one resource, a page of them, policies.
#include <algorithm>
#include <charconv>
#include <vector>

#include <nlohmann/json.hpp>

#include "devcloud/gcp/access.h"
#include "devcloud/gcp/kms.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kMaxPage = 1000;

tl::unexpected<GcpError> missing(const char* what, const std::string& name) {
  return refuse(404, "NOT_FOUND", std::string(what) + " " + name + " not found.");
}

json ring_json(const std::string& name, const json& ring) {
  return {{"name", name}, {"createTime", date_of(ring.at("created"))}};
}

Answer<std::size_t> number_in(const KmsCall& call, const char* name, std::size_t otherwise) {
  const auto given = call.query.find(name);
  if (given == call.query.end() || given->second.empty()) return otherwise;
  std::size_t number = 0;
  const char* const end = given->second.data() + given->second.size();
  const auto parsed = std::from_chars(given->second.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end) return number;
  return invalid("Invalid value at '" + std::string(name) + "': " + given->second);
}

// The resources in a collection, in the order in which they are listed.
std::vector<json> members(const Name& name, const State& state) {
  std::vector<json> all;
  if (name.level == Level::versions) {
    const json& key = state.at("keys").at(name.key);
    for (std::size_t n = 1; n <= key.at("versions").size(); ++n) {
      const std::string number = std::to_string(n);
      all.push_back(version_json(name.full + "/" + number, key, key.at("versions").at(number)));
    }
    return all;
  }
  const bool rings = name.level == Level::rings;
  for (const auto& [item, value] : state.at(rings ? "rings" : "keys").items()) {
    if (!item.starts_with(name.full + "/")) continue;
    all.push_back(rings ? ring_json(item, value) : key_json(item, value));
  }
  return all;
}

Answer<void> check_there(const State& state, const Name& name) {
  if (!name.key.empty()) {
    KEYHOLD_TRY(find_key(state, name));
  } else if (!name.ring.empty() && !state.at("rings").contains(name.ring)) {
    return missing("KeyRing", name.ring);
  }
  return {};
}

}  // namespace

json version_json(const std::string& name, const json& key, const json& version) {
  json out = {{"name", name},
              {"state", version.at("state")},
              {"algorithm", key.at("algorithm")},
              {"protectionLevel", "SOFTWARE"},
              {"createTime", date_of(version.at("created"))}};
  if (version.contains("wrapped")) out["generateTime"] = out["createTime"];
  if (!version.contains("destroy")) return out;
  const bool gone = version.at("state") == "DESTROYED";
  out[gone ? "destroyEventTime" : "destroyTime"] = date_of(version.at("destroy"));
  return out;
}

json key_json(const std::string& name, const json& key) {
  json out = {
      {"name", name},
      {"purpose", key.at("purpose")},
      {"createTime", date_of(key.at("created"))},
      {"destroyScheduledDuration",
       std::to_string(key.at("destroy_after").get<std::int64_t>() / 1000) + "s"},
      {"versionTemplate", {{"protectionLevel", "SOFTWARE"}, {"algorithm", key.at("algorithm")}}}};
  for (const char* field : {"labels", "rotationPeriod", "nextRotationTime"}) {
    if (key.contains(field)) out[field] = key.at(field);
  }
  const std::string primary = key.value("primary", "");
  if (!primary.empty()) {
    out["primary"] =
        version_json(name + "/cryptoKeyVersions/" + primary, key, key.at("versions").at(primary));
  }
  return out;
}

Answer<const json*> find_key(const State& state, const Name& name) {
  const auto found = state.at("keys").find(name.key);
  if (found == state.at("keys").end()) return missing("CryptoKey", name.key);
  return &*found;
}

Answer<const json*> find_version(const State& state, const Name& name) {
  KEYHOLD_TRY_ASSIGN(const json* key, find_key(state, name));
  const auto found = key->at("versions").find(name.number);
  if (found == key->at("versions").end()) return missing("CryptoKeyVersion", name.full);
  return &*found;
}

Answer<json> Kms::get(const KmsCall& /*call*/, const Name& name, const State& state) const {
  KEYHOLD_TRY(check_there(state, name));
  if (name.level == Level::ring) return ring_json(name.full, state.at("rings").at(name.full));
  KEYHOLD_TRY_ASSIGN(const json* key, find_key(state, name));
  if (name.level == Level::key) return key_json(name.full, *key);
  KEYHOLD_TRY_ASSIGN(const json* version, find_version(state, name));
  return version_json(name.full, *key, *version);
}

Answer<json> Kms::list(const KmsCall& call, const Name& name, const State& state) const {
  KEYHOLD_TRY(check_there(state, name));
  for (const char* field : {"filter", "orderBy"}) {
    if (call.query.contains(field)) return invalid(std::string(field) + " is not understood here.");
  }
  KEYHOLD_TRY_ASSIGN(std::size_t size, number_in(call, "pageSize", kDefaultPage));
  KEYHOLD_TRY_ASSIGN(const std::size_t from, number_in(call, "pageToken", 0));
  size = std::min(size == 0 ? kDefaultPage : size, kMaxPage);
  const auto all = members(name, state);
  if (from > all.size()) return invalid("Invalid page token.");
  json page = json::array();
  for (std::size_t i = from; i < all.size() && i - from < size; ++i) page.push_back(all[i]);
  const char* const field = name.level == Level::rings  ? "keyRings"
                            : name.level == Level::keys ? "cryptoKeys"
                                                        : "cryptoKeyVersions";
  json out = {{field, page}, {"totalSize", all.size()}};
  if (from + page.size() < all.size()) out["nextPageToken"] = std::to_string(from + page.size());
  return out;
}

Answer<json> Kms::get_policy(const KmsCall& /*call*/, const Name& name, const State& state) const {
  KEYHOLD_TRY(check_there(state, name));
  return policy_json(state, name.full);
}

Answer<json> Kms::test_permissions(const KmsCall& call, const Name& name,
                                   const State& state) const {
  KEYHOLD_TRY(check_there(state, name));
  const json asked = call.body.value("permissions", json::array());
  json held = json::array();
  for (const json& permission : asked) {
    if (!permission.is_string()) return invalid("Invalid value at 'permissions'");
    const auto text = permission.get<std::string>();
    if (!text.starts_with("cloudkms.") || text.find('*') != std::string::npos) {
      return invalid("Permission " + text + " is not valid for this resource.");
    }
    if (allows(state, call.member, text, name.full)) held.push_back(text);
  }
  json out = json::object();
  if (!held.empty()) out["permissions"] = held;
  return out;
}

}  // namespace keyhold::devcloud::gcp
