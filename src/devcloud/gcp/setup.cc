// Keys by the operator's hand, and all that one Keyhold cluster needs of the customer's project and
// its operator's in one command: the customer's key and service account, the cluster's own account,
// which alone may make tokens of the customer's, and its credentials in a file.
#include <vector>

#include <nlohmann/json.hpp>

#include "devcloud/gcp/access.h"
#include "devcloud/gcp/administration.h"
#include "io/file_system.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr const char* kVersions = "/cryptoKeyVersions/";

Error to_error(const GcpError& error) {
  Code code = Code::invalid_argument;
  if (error.code == 404) code = Code::not_found;
  if (error.status == "ALREADY_EXISTS") code = Code::already_exists;
  if (error.code >= 500) code = Code::io;
  return {code, error.status + ": " + error.message};
}

// Whether a version in this state is one for the operation.
bool suits(const std::string& operation, const std::string& state) {
  if (operation == "disable") return state == "ENABLED";
  if (operation == "enable") return state == "DISABLED";
  if (operation == "restore") return state == "DESTROY_SCHEDULED";
  return state == "ENABLED" || state == "DISABLED";
}

}  // namespace

Result<json> Administration::kms(const std::string& http, const std::string& path,
                                 const std::map<std::string, std::string>& query,
                                 const json& body) const {
  const KmsCall call{
      .http = http, .path = path, .query = query, .body = body, .member = {}, .wrong_key = false};
  auto answer = kms_->handle(call, *versions_->newest());
  if (!answer) return fail(to_error(answer.error()));
  return *std::move(answer);
}

Result<json> Administration::ring(const json& given) const {
  const std::string name = text_of(given, "name");
  const auto parsed = parse_name(name);
  if (!parsed || parsed->level != Level::ring) {
    return fail(Code::invalid_argument, "a ring looks like projects/P/locations/L/keyRings/R");
  }
  const std::size_t slash = name.rfind('/');
  return kms("POST", name.substr(0, slash), {{"keyRingId", name.substr(slash + 1)}},
             json::object());
}

Result<json> Administration::key(const json& given) const {
  const std::string name = text_of(given, "key");
  const std::string operation = text_of(given, "operation");
  const auto parsed = parse_name(name);
  if (!parsed || parsed->level != Level::key) {
    return fail(Code::invalid_argument,
                "a key looks like projects/P/locations/L/keyRings/R/cryptoKeys/K");
  }
  std::string version = text_of(given, "version");
  if (operation == "describe") return kms("GET", name, {}, json::object());
  if (operation == "rotate") {
    KEYHOLD_TRY_ASSIGN(const json made,
                       kms("POST", name + "/cryptoKeyVersions", {}, json::object()));
    const auto made_name = made.at("name").get<std::string>();
    version = made_name.substr(made_name.rfind('/') + 1);
  }
  if (operation == "rotate" || operation == "set-primary") {
    return kms("POST", name + ":updatePrimaryVersion", {}, {{"cryptoKeyVersionId", version}});
  }
  const bool patch = operation == "disable" || operation == "enable";
  if (!patch && operation != "destroy" && operation != "restore") {
    return fail(Code::invalid_argument, "a key has no operation " + operation);
  }
  const auto change = [&](const std::string& number) {
    const std::string full = name + kVersions + number;
    if (!patch) return kms("POST", full + ":" + operation, {}, json::object());
    const json body = {{"state", operation == "disable" ? "DISABLED" : "ENABLED"}};
    return kms("PATCH", full, {{"updateMask", "state"}}, body);
  };
  if (!version.empty()) return change(version);
  KEYHOLD_TRY(kms("GET", name, {}, json::object()));
  const json versions = versions_->newest()->at("keys").at(name).at("versions");
  json changed = json::array();
  for (const auto& [number, value] : versions.items()) {
    if (!suits(operation, value.at("state").get<std::string>())) continue;
    KEYHOLD_TRY_ASSIGN(const json told, change(number));
    changed.push_back(told.at("name").get<std::string>() + " " +
                      told.at("state").get<std::string>());
  }
  return json{{"versions", changed}};
}

Result<json> Administration::setup(const json& given) const {
  const std::string name = given.value("name", "keyhold");
  const std::string location = given.value("location", "global");
  if (!is_id(name) || !is_id(location)) {
    return fail(Code::invalid_argument, "name and location are of letters, digits, - and _");
  }
  const std::string customer = name + "@customer.iam.gserviceaccount.com";
  const std::string cluster = name + "@operator.iam.gserviceaccount.com";
  const std::string ring_name = "projects/customer/locations/" + location + "/keyRings/keyhold";
  KEYHOLD_TRY(account({{"email", customer}}));
  KEYHOLD_TRY_ASSIGN(const json credentials, account({{"email", cluster}}));
  if (!versions_->newest()->at("rings").contains(ring_name)) {
    KEYHOLD_TRY(ring({{"name", ring_name}}));
  }
  KEYHOLD_TRY_ASSIGN(const json key, kms("POST", ring_name + "/cryptoKeys", {{"cryptoKeyId", name}},
                                         {{"purpose", "ENCRYPT_DECRYPT"}}));
  const auto uri = key.at("name").get<std::string>();
  for (const char* role : {"roles/cloudkms.cryptoKeyEncrypterDecrypter", "roles/cloudkms.viewer"}) {
    KEYHOLD_TRY(
        grant({{"resource", uri}, {"role", role}, {"member", "serviceAccount:" + customer}}));
  }
  KEYHOLD_TRY(grant({{"resource", "serviceAccounts/" + customer},
                     {"role", "roles/iam.serviceAccountTokenCreator"},
                     {"member", "serviceAccount:" + cluster}}));
  const std::string file = shared_.folder.at("gcp-" + name + ".json");
  KEYHOLD_TRY(
      io::replace_file(shared_.machine().files, file, as_bytes(credentials.dump(2) + "\n"), 0600));
  const Endpoints here = endpoints();
  return json{
      {"key_uri", uri},           {"auth_principal", customer}, {"cluster_account", cluster},
      {"credentials_file", file}, {"endpoint", here.https},     {"iam_endpoint", here.https + "/"},
      {"ca_file", here.ca_file}};
}

}  // namespace keyhold::devcloud::gcp
