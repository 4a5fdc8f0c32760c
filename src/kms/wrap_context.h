// What a wrap is for; bound to it by the KMS (AWS EncryptionContext, GCP additional authenticated
// data, Vault associated data).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"

namespace keyhold::kms {

// Persisted: the numbers never change. A key policy can allow one purpose and deny another.
enum class Purpose : std::uint8_t { serve = 1, restore = 2 };

std::string_view purpose_name(Purpose purpose);  // serve, restore

struct WrapContext {
  OrgId org;
  ClusterId cluster;
  RegionName region;
  Purpose purpose = Purpose::serve;
  KeyId key_id;
  std::uint32_t version = 0;

  friend bool operator==(const WrapContext&, const WrapContext&) = default;
};

// Who asks: what a KMS may want to know at login, before any context (AWS: the external id).
struct Caller {
  OrgId org;
  ClusterId cluster;
  RegionName region;  // the node's, so that it takes the nearest replica of the key
};
inline Caller caller_of(const WrapContext& context) {
  return {.org = context.org, .cluster = context.cluster, .region = context.region};
}

// {"cluster", "key_id" (hex), "org", "product": "keyhold", "purpose": "serve"|"restore", "region",
// "version" (decimal)}: all strings.
std::map<std::string, std::string> to_pairs(const WrapContext& context);

// The pairs as canonical JSON (RFC 8785), for a KMS that takes bytes.
std::string to_canonical_json(const WrapContext& context);

// The largest canonical JSON that every provider takes (AWS KMS: 8192).
inline constexpr std::size_t kMaxContextSizeBytes = 8192;

// Code::invalid_argument where a name is not UTF-8 or the whole is too large. Every client checks
// it first, and answers Fault::configuration.
Status check_context(const WrapContext& context);

}  // namespace keyhold::kms
