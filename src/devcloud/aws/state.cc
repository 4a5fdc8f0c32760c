#include "devcloud/aws/state.h"

#include <nlohmann/json.hpp>

namespace keyhold::devcloud::aws {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

std::int64_t to_number(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
WallTime to_time(const json& value) {
  return WallTime(std::chrono::milliseconds(value.get<std::int64_t>()));
}
json to_document(const std::optional<WallTime>& time) {
  return time ? json(to_number(*time)) : json();
}
std::optional<WallTime> to_optional_time(const json& value) {
  if (value.is_null()) return std::nullopt;
  return to_time(value);
}

json to_document(const Policy& policy) {
  return {{"text", policy.text}, {"pins", policy.pins}};
}
json to_document(const Account& account) {
  return {{"name", account.name}, {"root_access_key", account.root_access_key}};
}
json to_document(const User& user) {
  return {
      {"account", user.account}, {"name", user.name}, {"id", user.id}, {"policies", user.policies}};
}
json to_document(const Role& role) {
  return {{"account", role.account},
          {"name", role.name},
          {"id", role.id},
          {"trust", to_document(role.trust)},
          {"policies", role.policies},
          {"max_session_seconds", role.max_session_seconds}};
}
json to_document(const AccessKey& key) {
  return {{"principal", key.principal}, {"active", key.active}};
}
json to_document(const std::vector<Material>& materials) {
  json list = json::array();
  for (const Material& material : materials) {
    list.push_back({{"id", material.id},
                    {"wrapped", material.wrapped},
                    {"created", to_number(material.created)}});
  }
  return list;
}
json to_document(const Key& key) {
  return {{"id", key.id},
          {"account", key.account},
          {"region", key.region},
          {"description", key.description},
          {"usage", key.usage},
          {"spec", key.spec},
          {"origin", key.origin},
          {"state", static_cast<int>(key.state)},
          {"created", to_number(key.created)},
          {"deletion_date", to_document(key.deletion_date)},
          {"material_expires", to_document(key.material_expires)},
          {"policy", to_document(key.policy)},
          {"multi_region", key.multi_region},
          {"primary_region", key.primary_region}};
}
json to_document(const Alias& alias) {
  return {{"key_id", alias.key_id}, {"created", to_number(alias.created)}};
}

template <typename Map>
json to_documents(const Map& map) {
  json out = json::object();
  for (const auto& [name, value] : map) out[name] = to_document(value);
  return out;
}

void take(const json& from, Policy& to) {
  from.at("text").get_to(to.text);
  from.at("pins").get_to(to.pins);
}
void take(const json& from, Account& to) {
  from.at("name").get_to(to.name);
  from.at("root_access_key").get_to(to.root_access_key);
}
void take(const json& from, User& to) {
  from.at("account").get_to(to.account);
  from.at("name").get_to(to.name);
  from.at("id").get_to(to.id);
  from.at("policies").get_to(to.policies);
}
void take(const json& from, Role& to) {
  from.at("account").get_to(to.account);
  from.at("name").get_to(to.name);
  from.at("id").get_to(to.id);
  take(from.at("trust"), to.trust);
  from.at("policies").get_to(to.policies);
  from.at("max_session_seconds").get_to(to.max_session_seconds);
}
void take(const json& from, AccessKey& to) {
  from.at("principal").get_to(to.principal);
  from.at("active").get_to(to.active);
}
void take(const json& from, std::vector<Material>& to) {
  for (const json& item : from) {
    to.push_back({item.at("id").get<std::string>(), item.at("wrapped").get<std::string>(),
                  to_time(item.at("created"))});
  }
}
void take(const json& from, Key& to) {
  from.at("id").get_to(to.id);
  from.at("account").get_to(to.account);
  from.at("region").get_to(to.region);
  from.at("description").get_to(to.description);
  from.at("usage").get_to(to.usage);
  from.at("spec").get_to(to.spec);
  from.at("origin").get_to(to.origin);
  to.state = static_cast<KeyState>(from.at("state").get<std::uint8_t>());
  to.created = to_time(from.at("created"));
  to.deletion_date = to_optional_time(from.at("deletion_date"));
  to.material_expires = to_optional_time(from.at("material_expires"));
  take(from.at("policy"), to.policy);
  from.at("multi_region").get_to(to.multi_region);
  from.at("primary_region").get_to(to.primary_region);
}
void take(const json& from, Alias& to) {
  from.at("key_id").get_to(to.key_id);
  to.created = to_time(from.at("created"));
}

template <typename Map>
void take_all(const json& from, Map& to) {
  for (const auto& [name, value] : from.items()) take(value, to[name]);
}

}  // namespace

std::string to_json(const AwsState& state) {
  const json document = {{"version", kVersion},
                         {"accounts", to_documents(state.accounts)},
                         {"users", to_documents(state.users)},
                         {"roles", to_documents(state.roles)},
                         {"access_keys", to_documents(state.access_keys)},
                         {"keys", to_documents(state.keys)},
                         {"materials", to_documents(state.materials)},
                         {"aliases", to_documents(state.aliases)},
                         {"instance_role", state.instance_role},
                         {"instance_region", state.instance_region}};
  return document.dump(1, ' ', false, json::error_handler_t::replace);
}

Result<AwsState> state_from_json(std::string_view text) {
  try {
    const json document = json::parse(text);
    if (document.at("version") != kVersion) {
      return fail(Code::unsupported, "the AWS state is of another version");
    }
    AwsState state;
    take_all(document.at("accounts"), state.accounts);
    take_all(document.at("users"), state.users);
    take_all(document.at("roles"), state.roles);
    take_all(document.at("access_keys"), state.access_keys);
    take_all(document.at("keys"), state.keys);
    take_all(document.at("materials"), state.materials);
    take_all(document.at("aliases"), state.aliases);
    document.at("instance_role").get_to(state.instance_role);
    document.at("instance_region").get_to(state.instance_region);
    return state;
  } catch (const json::exception& exception) {
    return fail(Code::integrity, std::string("the AWS state is damaged: ") + exception.what());
  }
}

}  // namespace keyhold::devcloud::aws
