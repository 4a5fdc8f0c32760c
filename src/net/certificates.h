// A certificate authority of one's own and server certificates by it (X.509, RFC 5280): ECDSA on
// P-256 with SHA-256. For loopback and for a controller's first start; no requests, no revocation.
//
// Thread-safe. Private keys are PKCS#8 in PEM, without a passphrase: the caller keeps them in a
// file that only its owner reads.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/wiped_string.h"

namespace keyhold::net {

struct Certificate {
  std::string certificate_pem;
  WipedString key_pem;
};

// May sign servers' certificates, and nothing else. Valid from an hour before `now`.
Result<Certificate> make_authority(std::string_view common_name, WallTime now,
                                   std::chrono::days lifetime);

// For DNS names and IP addresses (no other kind of name), for TLS servers alone.
// Code::invalid_argument where the authority is none or there is no name.
Result<Certificate> make_server_certificate(const Certificate& authority,
                                            std::span<const std::string> names, WallTime now,
                                            std::chrono::days lifetime);

// SHA-256 of the certificate's DER, in lower-case hexadecimal.
Result<std::string> certificate_fingerprint(const std::string& certificate_pem);

}  // namespace keyhold::net
