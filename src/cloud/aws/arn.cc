#include "cloud/aws/arn.h"

#include <algorithm>
#include <array>

namespace keyhold::cloud::aws {
namespace {

constexpr std::size_t kMaxArnBytes = 2048;
constexpr std::size_t kMaxRegionBytes = 32;
constexpr std::size_t kAccountDigits = 12;

struct Partition {
  std::string_view name;
  std::string_view region_prefix;
  std::string_view dns_suffix;
};

// The longer prefix before the shorter; "aws" takes the rest.
constexpr std::array kPartitions = {
    Partition{"aws-cn", "cn-", "amazonaws.com.cn"},
    Partition{"aws-us-gov", "us-gov-", "amazonaws.com"},
    Partition{"aws-iso-b", "us-isob-", "sc2s.sgov.gov"},
    Partition{"aws-iso-f", "us-isof-", "csp.hci.ic.gov"},
    Partition{"aws-iso-f", "eu-isof-", "csp.hci.ic.gov"},
    Partition{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk"},
    Partition{"aws-iso", "us-iso-", "c2s.ic.gov"},
    Partition{"aws-eusc", "eusc-", "amazonaws.eu"},
    Partition{"aws", "", "amazonaws.com"},
};

const Partition& partition_at(std::string_view region) {
  return *std::ranges::find_if(
      kPartitions, [&](const Partition& row) { return region.starts_with(row.region_prefix); });
}

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_account(std::string_view text) {
  return text.empty() || (text.size() == kAccountDigits && std::ranges::all_of(text, is_digit));
}

// Takes what stands before the first ':' off the text.
std::optional<std::string> take_field(std::string_view& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string field(text.substr(0, colon));
  text.remove_prefix(colon + 1);
  return field;
}

}  // namespace

std::string Arn::text() const {
  return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + resource;
}

std::optional<Arn> parse_arn(std::string_view text) {
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (text.size() > kMaxArnBytes || !printable) return std::nullopt;
  if (take_field(text) != "arn") return std::nullopt;
  Arn arn;
  for (std::string* field : {&arn.partition, &arn.service, &arn.region, &arn.account}) {
    auto taken = take_field(text);
    if (!taken) return std::nullopt;
    *field = *std::move(taken);
  }
  arn.resource = std::string(text);
  const bool known = std::ranges::any_of(
      kPartitions, [&](const Partition& row) { return row.name == arn.partition; });
  const bool placed = arn.region.empty() ||
                      (is_region(arn.region) && partition_of_region(arn.region) == arn.partition);
  const bool whole = !arn.service.empty() && !arn.resource.empty() && is_account(arn.account);
  return known && placed && whole ? std::optional(std::move(arn)) : std::nullopt;
}

bool is_region(std::string_view text) {
  const std::size_t dash = text.rfind('-');
  if (text.size() > kMaxRegionBytes || dash == std::string_view::npos || dash < 2) return false;
  const std::string_view number = text.substr(dash + 1);
  const std::string_view place = text.substr(0, dash);
  return !number.empty() && std::ranges::all_of(number, is_digit) &&
         place.find('-') != std::string_view::npos && !place.starts_with('-') &&
         !place.ends_with('-') && place.find("--") == std::string_view::npos &&
         std::ranges::all_of(place, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

std::string_view partition_of_region(std::string_view region) {
  return partition_at(region).name;
}

std::string service_endpoint(std::string_view service, std::string_view region, bool fips) {
  const Partition& partition = partition_at(region);
  std::string host(service);
  // GovCloud's own STS endpoints are the FIPS ones.
  if (fips && !(service == "sts" && partition.name == "aws-us-gov")) host += "-fips";
  return "https://" + host + "." + std::string(region) + "." + std::string(partition.dns_suffix);
}

}  // namespace keyhold::cloud::aws
