// The requests to Google Cloud KMS v1 (REST), as bytes. Sans-I/O; thread-safe. Bodies and tokens
// are secrets.
#pragma once

#include <string>
#include <string_view>

#include "base/wiped_string.h"
#include "crypto/secret.h"
#include "kms/gcp/uri.h"
#include "net/http_client.h"

namespace keyhold::kms::gcp {

// What every request needs beside its content.
struct Call {
  std::string endpoint;      // https://cloudkms.googleapis.com, or the spec's
  const WipedString& token;  // of OAuth
  std::string request_id;    // ours: X-Goog-Request-Reason, which Cloud Audit Logs keeps
};

// POST …:encrypt and …:decrypt, with the context's canonical JSON as additional authenticated data
// and the CRC32C of both.
net::HttpRequest encrypt_request(const Call& call, const KeyName& key,
                                 const crypto::Key256& plaintext, std::string_view context_json);
net::HttpRequest decrypt_request(const Call& call, const KeyName& key, ByteView ciphertext,
                                 std::string_view context_json);
// GET of the key with its primary version, or of the version that the name has.
net::HttpRequest describe_request(const Call& call, const KeyName& key);

}  // namespace keyhold::kms::gcp
