// Signs requests for sigv4_test.py: one JSON text a line in, the headers of the signed request as
// one JSON text a line out.
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "cloud/aws/sigv4.h"

namespace keyhold::cloud::aws {
namespace {

using nlohmann::json;

WipedString secret(const json& value) {
  return WipedString(value.get_ref<const std::string&>());
}

json sign_one(const json& given) {
  net::HttpRequest request{.method = given.at("method"),
                           .url = given.at("url"),
                           .headers = {},
                           .body = secret(given.at("body"))};
  for (const auto& [name, value] : given.at("headers").items()) {
    request.headers.push_back({name, value});
  }
  const Credentials credentials{.access_key_id = given.at("access_key"),
                                .secret_access_key = secret(given.at("secret_key")),
                                .session_token = secret(given.at("token")),
                                .expires_at = {}};
  const bool s3 = given.at("service") == "s3";
  sign(request, credentials,
       {.region = given.at("region"),
        .service = given.at("service"),
        .at = WallTime(std::chrono::seconds(given.at("at").get<std::int64_t>()))},
       {.normalize_path = !s3, .encode_path_twice = !s3, .send_body_hash = s3});
  json headers = json::object();
  for (const net::HttpHeader& header : request.headers) headers[header.name] = header.value;
  return headers;
}

}  // namespace
}  // namespace keyhold::cloud::aws

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << keyhold::cloud::aws::sign_one(nlohmann::json::parse(line)).dump() << "\n";
  }
  return 0;
}
