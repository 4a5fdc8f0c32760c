#include <nlohmann/json.hpp>

#include "host/json_text.h"
#include "host/store_status.h"

namespace keyhold::host {
namespace {

using nlohmann::json;

json spec_json(const kms::KeySpec& spec) {
  json out = {{"type", kms::key_type_name(spec.type)}, {"uri", spec.uri.str()}};
  if (!spec.auth_principal.empty()) out["auth_principal"] = spec.auth_principal.str();
  if (!spec.endpoint.empty()) out["endpoint"] = spec.endpoint;
  if (!spec.ca_file.empty()) out["ca_file"] = spec.ca_file;
  return out;
}

json lockbox_json(const keyring::Lockbox& lockbox) {
  return {{"key", spec_json(lockbox.spec)},
          {"kms_key_version", lockbox.kms_key_version.str()},
          {"algorithm", lockbox.algorithm},
          {"kek_version", lockbox.context.version},
          {"purpose", kms::purpose_name(lockbox.context.purpose)},
          {"created", time_text(lockbox.created)},
          {"request_id", lockbox.request_id}};
}

json generation_json(const keyring::GenerationInfo& info) {
  return {{"generation", number(info.generation)},
          {"key_id", info.key_id.hex()},
          {"kek_version", info.kek_version},
          {"created", time_text(info.created)},
          {"sealed_bytes", info.sealed_bytes}};
}

template <typename Items, typename Convert>
json list_json(const Items& items, const Convert& convert) {
  json out = json::array();
  for (const auto& item : items) out.push_back(convert(item));
  return out;
}

json contents_json(const keyring::Contents& contents) {
  const bool by_age = contents.next_rotation_due != WallTime::max();
  return {{"sequence", contents.sequence},
          {"store_epoch", contents.store_epoch},
          {"created", time_text(contents.created)},
          {"rotation",
           {{"age_seconds", contents.rotation.age.count()},
            {"bytes", contents.rotation.bytes},
            {"next_due", by_age ? json(time_text(contents.next_rotation_due)) : json(nullptr)}}},
          {"kek",
           {{"key_id", contents.kek_id.hex()},
            {"version", contents.kek_version},
            {"created", time_text(contents.kek_created)}}},
          {"lockboxes", list_json(contents.lockboxes, lockbox_json)},
          {"generations", list_json(contents.generations, generation_json)},
          {"accepted_rollbacks", list_json(contents.accepted_rollbacks, [](const auto& event) {
             return json{{"at", time_text(event.at)},
                         {"anchor_sequence", event.anchor_sequence},
                         {"accepted_sequence", event.accepted_sequence}};
           })}};
}

json lockbox_answer_json(const KmsAnswer& answer) {
  json out = answer_json(answer);
  out["key"] = spec_json(answer.spec);
  return out;
}

json anchor_json(const StoreStatus& status) {
  json out = {{"detects_rollback", !status.anchor_path.empty()}};
  if (!status.anchor_path.empty()) out["path"] = status.anchor_path;
  if (status.anchor_problem) out["problem"] = status.anchor_problem->message();
  return out;
}

json policy_json(const StoreStatus& status) {
  const LoadedPolicy& policy = status.policy;
  json out = {{"state", policy_state_name(policy.state)},
              {"version", policy.version},
              {"verified", status.policy_verified}};
  if (!policy.problem.empty()) out["problem"] = policy.problem;
  return out;
}

}  // namespace

std::string to_json_text(const StoreStatus& status) {
  const keyring::Contents& contents = status.keyring.contents;
  json out = {
      {"path", status.path},
      {"store", contents.store.hex()},
      {"identity",
       {{"org", contents.identity.org.str()},
        {"cluster", contents.identity.cluster.str()},
        {"region", contents.identity.region.str()},
        {"node", contents.identity.node.str()}}},
      {"key_ring", contents_json(contents)},
      {"copies", list_json(status.keyring.copies, [](const auto& copy) { return to_json(copy); })},
      {"anchor", anchor_json(status)},
      {"policy", policy_json(status)},
      {"host", status.host ? to_json(*status.host) : json(nullptr)},
      {"aead_backend", status.aead_backend},
      {"secret_memory", to_json(status.secret_memory)}};
  if (!status.host_problem.empty()) out["host_problem"] = status.host_problem;
  if (!status.kms.empty()) out["kms"] = list_json(status.kms, lockbox_answer_json);
  return out.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace keyhold::host
