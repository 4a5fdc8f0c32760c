// Amazon Resource Names, and where the services of their partitions are. (AWS General Reference,
// "Amazon Resource Names (ARNs)", "AWS service endpoints", "FIPS endpoints by service".)
//
// Sans-I/O; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keyhold::cloud::aws {

struct Arn {
  std::string partition;  // aws, aws-cn, aws-us-gov, …
  std::string service;    // kms, iam
  std::string region;     // may be empty: iam
  std::string account;    // 12 digits; may be empty
  std::string resource;   // key/…, role/…; may hold ':'

  [[nodiscard]] std::string text() const;
  friend bool operator==(const Arn&, const Arn&) = default;
};

// "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE", of a partition that is known; at most 2048
// bytes, printable ASCII without spaces.
std::optional<Arn> parse_arn(std::string_view text);

// Whether it is written like a region's name: us-east-1, us-gov-west-1.
bool is_region(std::string_view text);
// The partition that such a region is in.
std::string_view partition_of_region(std::string_view region);

// "https://kms.us-east-1.amazonaws.com" for a service that has such endpoints: kms, sts.
std::string service_endpoint(std::string_view service, std::string_view region, bool fips);

}  // namespace keyhold::cloud::aws
