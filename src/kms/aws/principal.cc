#include "kms/aws/principal.h"

#include <algorithm>

#include "cloud/aws/arn.h"
#include "cloud/aws/requests.h"

namespace keyhold::kms::aws {
namespace {

using cloud::aws::RoleHop;

constexpr std::size_t kMaxHops = 4;
constexpr std::string_view kNextArn = ",arn:";  // a role's own name may hold a comma
constexpr std::string_view kExternalId = ";external_id=";

tl::unexpected<Error> refused(std::string_view text, const std::string& why) {
  return fail(Code::invalid_argument,
              "not an AWS principal: \"" + std::string(text.substr(0, 200)) + "\": " + why +
                  "; one looks like arn:aws:iam::111122223333:role/keyhold, roles of a chain are "
                  "separated by commas, and each but the last may have ;external_id=ID");
}

keyhold::Result<RoleHop> parse_hop(std::string_view text, const OrgId& org, bool last) {
  const std::size_t parameter = text.find(';');
  const std::string_view role = text.substr(0, parameter);
  const auto arn = cloud::aws::parse_arn(role);
  const bool is_role = arn && arn->service == "iam" && arn->region.empty() &&
                       !arn->account.empty() && arn->resource.starts_with("role/") &&
                       arn->resource.size() > std::string_view("role/").size();
  if (!is_role) return refused(text, "not the ARN of an IAM role");
  RoleHop hop{.role_arn = std::string(role), .external_id = org.str(), .session_name = {}};
  if (parameter == std::string_view::npos) return hop;
  if (!text.substr(parameter).starts_with(kExternalId)) {
    return refused(text, "the only parameter is external_id");
  }
  if (last) return refused(text, "the customer's role is assumed with the organization's id only");
  hop.external_id = std::string(text.substr(parameter + kExternalId.size()));
  if (!cloud::aws::is_external_id(hop.external_id)) return refused(text, "not an external id");
  return hop;
}

}  // namespace

keyhold::Result<std::vector<RoleHop>> parse_principal(std::string_view text, const OrgId& org) {
  std::vector<RoleHop> hops;
  if (text.empty()) return hops;
  if (!cloud::aws::is_external_id(org.str())) {
    return fail(Code::invalid_argument,
                org.empty()
                    ? std::string("a role is assumed with the organization's id as external "
                                  "id, and there is none: give it with --org")
                    : "the organization's id \"" + org.str() +
                          "\" cannot be an external id: 2 to 1224 of A-Z a-z 0-9 _+=,.@:/-");
  }
  std::string_view rest = text;
  while (true) {
    const std::size_t next = rest.find(kNextArn);
    const bool last = next == std::string_view::npos;
    KEYHOLD_TRY_ASSIGN(RoleHop hop, parse_hop(rest.substr(0, next), org, last));
    hops.push_back(std::move(hop));
    if (hops.size() > kMaxHops) return refused(text, "more than 4 roles");
    if (last) return hops;
    rest.remove_prefix(next + 1);
  }
}

}  // namespace keyhold::kms::aws
