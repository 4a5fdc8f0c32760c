// The taxonomy of Google Cloud KMS: what an answer that is not 200 means (docs/kms/gcp.md has the
// table). Sans-I/O; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "cloud/gcp/login_error.h"
#include "kms/error.h"
#include "net/http_client.h"

namespace keyhold::kms::gcp {

enum class Step : std::uint8_t { describe, encrypt, decrypt };

struct Judgement {
  Error error;
  bool stale_token = false;  // UNAUTHENTICATED: a kept token may have ended
};

// REQUIRES: response.status is not 200.
Judgement fault_of(Step step, const net::HttpResponse& response, const std::string& request_id);

// Of a login.
Error fault_of(const cloud::gcp::LoginError& error);

// Of a version's state that is not ENABLED; the second where nothing is known of it.
Fault fault_of_state(const std::string& state, Fault otherwise);

}  // namespace keyhold::kms::gcp
