#include "kms/aws/uri.h"

#include <algorithm>
#include <array>

#include "net/http_client.h"

namespace keyhold::kms::aws {
namespace {

constexpr std::size_t kMaxUriBytes = 2048;
constexpr std::size_t kMaxAliasBytes = 250;
constexpr std::size_t kMaxReplicas = 40;
constexpr std::string_view kKey = "key/";
constexpr std::string_view kAlias = "alias/";
constexpr std::string_view kMultiRegion = "mrk-";
constexpr std::string_view kReplicas = "replicas=";
constexpr std::string_view kRegionHere = "{region}";
constexpr std::array<std::string_view, 3> kLoopback = {"127.0.0.1", "localhost", "[::1]"};

tl::unexpected<Error> refused(std::string_view uri, const std::string& why) {
  return fail(Code::invalid_argument,
              "not the ARN of an AWS KMS key: \"" + std::string(uri.substr(0, 200)) + "\": " + why +
                  "; one looks like "
                  "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, or "
                  "…:alias/NAME, or …:key/mrk-…?replicas=eu-west-1,us-west-2");
}

bool is_word(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool is_key_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, is_word);
}

bool is_alias_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxAliasBytes &&
         std::ranges::all_of(name, [](char c) { return is_word(c) || c == '_' || c == '/'; });
}

keyhold::Result<std::vector<std::string>> parse_replicas(std::string_view uri,
                                                         std::string_view query,
                                                         const cloud::aws::Arn& arn) {
  if (!query.starts_with(kReplicas)) return refused(uri, "the only parameter is replicas");
  query.remove_prefix(kReplicas.size());
  std::vector<std::string> regions;
  while (true) {
    const std::size_t comma = query.find(',');
    const std::string region(query.substr(0, comma));
    if (!cloud::aws::is_region(region)) return refused(uri, "\"" + region + "\" is no region");
    if (cloud::aws::partition_of_region(region) != arn.partition) {
      return refused(uri, region + " is in another partition than the key");
    }
    const bool known = region == arn.region || std::ranges::find(regions, region) != regions.end();
    if (!known) regions.push_back(region);
    if (regions.size() > kMaxReplicas) return refused(uri, "too many replicas");
    if (comma == std::string_view::npos) return regions;
    query.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string KeyLocation::name() const {
  return arn.resource.substr(arn.resource.find('/') + 1);
}

std::string KeyLocation::arn_in(std::string_view region) const {
  cloud::aws::Arn there = arn;
  there.region = std::string(region);
  return there.text();
}

std::vector<std::string> KeyLocation::regions_from(std::string_view own) const {
  std::vector<std::string> regions = {arn.region};
  regions.insert(regions.end(), replicas.begin(), replicas.end());
  const auto near = std::ranges::find(regions, own);
  if (near != regions.end()) std::rotate(regions.begin(), near, near + 1);
  return regions;
}

keyhold::Result<KeyLocation> parse_uri(std::string_view uri) {
  if (uri.size() > kMaxUriBytes) return refused(uri, "too long");
  const std::size_t mark = uri.find('?');
  auto arn = cloud::aws::parse_arn(uri.substr(0, mark));
  if (!arn) return refused(uri, "not an ARN of a partition that is known");
  if (arn->service != "kms") return refused(uri, "it is of " + arn->service + ", not of kms");
  if (arn->region.empty() || arn->account.empty()) return refused(uri, "no region or no account");
  KeyLocation location{.arn = *std::move(arn), .replicas = {}};
  const std::string& resource = location.arn.resource;
  const bool good = (resource.starts_with(kKey) && is_key_id(location.name())) ||
                    (resource.starts_with(kAlias) && is_alias_name(location.name()));
  if (!good) return refused(uri, "neither key/KEY-ID nor alias/NAME");
  if (mark == std::string_view::npos) return location;
  if (location.is_alias() || !location.name().starts_with(kMultiRegion)) {
    return refused(uri, "only a multi-Region key (key/mrk-…) has replicas");
  }
  KEYHOLD_TRY_ASSIGN(location.replicas, parse_replicas(uri, uri.substr(mark + 1), location.arn));
  return location;
}

keyhold::Result<std::string> parse_endpoint(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  const std::string example = endpoint_in(url, "us-east-1", false);
  const auto origin = net::parse_http_url(example);
  const auto refused_endpoint = [&](const std::string& why) {
    return fail(Code::invalid_argument,
                "not an endpoint of AWS KMS: \"" + std::string(url) + "\": " + why +
                    "; one looks like https://kms.example.com:8443, and may hold {region}");
  };
  if (url.empty()) return refused_endpoint("there is none");
  if (!origin) return refused_endpoint(origin.error().message());
  if (example.find_first_of("/?#{}", example.find("://") + 3) != std::string::npos) {
    return refused_endpoint("only scheme, host and port make an endpoint");
  }
  if (origin->scheme == "http" && std::ranges::find(kLoopback, origin->host) == kLoopback.end()) {
    return refused_endpoint("a key is sent over https only");
  }
  return std::string(url);
}

std::string endpoint_in(std::string_view endpoint, std::string_view region, bool fips) {
  if (endpoint.empty()) return cloud::aws::service_endpoint("kms", region, fips);
  std::string url(endpoint);
  const std::size_t place = url.find(kRegionHere);
  if (place != std::string::npos) url.replace(place, kRegionHere.size(), region);
  return url;
}

}  // namespace keyhold::kms::aws
