// The forms in which answers go out, and what of a request the access log keeps.
#pragma once

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "crypto/random.h"
#include "devcloud/aws/error.h"
#include "net/http_server.h"

namespace keyhold::devcloud::aws {

std::string make_request_id(crypto::Random& random);  // a UUID

// AWS JSON 1.1: errors are {"__type", "message"} (Smithy, "AWS JSON 1.1 protocol").
net::HttpAnswer kms_answer(const Answer<nlohmann::json>& outcome, const std::string& request_id);
// The query protocol: <ActionResponse><ActionResult>…, errors in an <ErrorResponse>.
net::HttpAnswer sts_answer(const Answer<std::string>& outcome, const std::string& action,
                           const std::string& request_id);

// Without plaintexts, ciphertexts, key material and tokens.
nlohmann::json logged_parameters(const nlohmann::json& input);
nlohmann::json logged_parameters(const std::map<std::string, std::string>& form);

}  // namespace keyhold::devcloud::aws
