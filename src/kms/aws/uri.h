// The URI of a key in AWS KMS: its ARN,
//   arn:aws:kms:REGION:ACCOUNT:key/KEY-ID
//   arn:aws:kms:REGION:ACCOUNT:alias/NAME
//   arn:aws:kms:REGION:ACCOUNT:key/mrk-…[?replicas=REGION,…]
// of any partition. `replicas` are the other regions that a multi-Region key has been replicated
// to: a node asks the replica of its own region first. (AWS KMS Developer Guide, "Key identifiers",
// "Multi-Region keys".) And the endpoint, where it is not AWS's own: a URL, in which {region}
// stands for the region asked.
//
// Sans-I/O; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cloud/aws/arn.h"

namespace keyhold::kms::aws {

struct KeyLocation {
  cloud::aws::Arn arn;
  std::vector<std::string> replicas;  // regions, without the ARN's own

  [[nodiscard]] bool is_alias() const { return arn.resource.starts_with("alias/"); }
  // Behind the '/'. For a key the same in all regions of a multi-Region key.
  [[nodiscard]] std::string name() const;
  // The ARN of the key, or of its replica, in that region.
  [[nodiscard]] std::string arn_in(std::string_view region) const;
  // The regions to ask, the nearest first: `own` where there is a replica, then the ARN's, then the
  // others in their order.
  [[nodiscard]] std::vector<std::string> regions_from(std::string_view own) const;

  friend bool operator==(const KeyLocation&, const KeyLocation&) = default;
};

// Code::invalid_argument; the message says how a valid URI looks.
keyhold::Result<KeyLocation> parse_uri(std::string_view uri);

// "https://host[:port]" without a '/' at its end; http on loopback only. Code::invalid_argument as
// above.
keyhold::Result<std::string> parse_endpoint(std::string_view url);

// The endpoint for a region: the given one with {region} filled in, or AWS's own where it is empty.
std::string endpoint_in(std::string_view endpoint, std::string_view region, bool fips);

}  // namespace keyhold::kms::aws
