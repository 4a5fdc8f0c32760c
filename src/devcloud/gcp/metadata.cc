#include "devcloud/gcp/metadata.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "devcloud/text.h"

namespace keyhold::devcloud::gcp {
namespace {

using nlohmann::json;

constexpr std::string_view kRoot = "/computeMetadata/v1/";
constexpr std::chrono::seconds kLifetime{3600};

net::HttpAnswer plain(int status, std::string body, const char* type = "application/text") {
  net::HttpAnswer answer;
  answer.status = status;
  answer.headers = {
      {"Metadata-Flavor", "Google"}, {"Server", "Metadata Server for VM"}, {"Content-Type", type}};
  answer.body = std::move(body);
  return answer;
}

net::HttpAnswer document(const json& body) {
  return plain(200, body.dump(), "application/json");
}

net::HttpAnswer token(const Identity& identity, const std::string& email,
                      const net::HttpCall& call) {
  const auto query = form_values(call.query);
  const auto asked = query.find("scopes");
  std::string scopes =
      asked == query.end() || asked->second.empty() ? kCloudPlatform : asked->second;
  std::ranges::replace(scopes, ',', ' ');
  const auto made = identity.issue({"serviceAccount:" + email, scopes}, kLifetime);
  if (!made) return plain(500, "");
  return document(
      {{"access_token", *made}, {"expires_in", kLifetime.count() - 1}, {"token_type", "Bearer"}});
}

}  // namespace

net::HttpAnswer metadata_answer(const Identity& identity, const State& state,
                                const net::HttpCall& call) {
  const std::string* const flavor = call.header("metadata-flavor");
  if (flavor == nullptr || *flavor != "Google") {
    return plain(403,
                 "Your client does not have permission to get this URL. Missing "
                 "Metadata-Flavor:Google header.");
  }
  if (call.header("x-forwarded-for") != nullptr)
    return plain(403, "Forwarded requests are refused.");
  if (call.method != "GET") return plain(405, "");
  if (call.path == "/") return plain(200, "computeMetadata/\n");
  const std::string email = state.value("instance", "");
  const auto account = state.at("accounts").find(email);
  const bool there = account != state.at("accounts").end() && !account->at("disabled").get<bool>();
  std::string rest = call.path.substr(std::min(call.path.size(), kRoot.size()));
  if (rest == "universe/universe-domain") return plain(404, "");
  if (!there) return plain(404, "");
  if (rest == "project/project-id") return plain(200, account->at("project").get<std::string>());
  constexpr std::string_view kAccounts = "instance/service-accounts/";
  if (!rest.starts_with(kAccounts)) return plain(404, "");
  rest.erase(0, kAccounts.size());
  if (rest.empty()) return plain(200, "default/\n" + email + "/\n");
  const std::string name = uri_decode(rest.substr(0, rest.find('/')));
  if (name != "default" && name != email) return plain(404, "");
  rest.erase(0, std::min(rest.size(), rest.find('/') + 1));
  if (rest == "email") return plain(200, email);
  if (rest == "scopes") return plain(200, std::string(kCloudPlatform) + "\n");
  if (rest == "token") return token(identity, email, call);
  if (rest.empty()) {
    return document({{"aliases", {"default"}}, {"email", email}, {"scopes", {kCloudPlatform}}});
  }
  return plain(404, "");
}

}  // namespace keyhold::devcloud::gcp
