// policy.toml: any file gives a policy that is written and read back the same, or an error that
// names the file.
#include <string>
#include <string_view>

#include "format/policy.h"
#include "target.h"

namespace keyhold::fuzz {

void run(ByteView input) {
  const auto policy = format::parse_policy(input, "a-policy");
  if (!policy) {
    require(policy.error().message().starts_with("a-policy:"), "an error names the file");
    return;
  }
  require(format::check_policy(*policy).has_value(), "what was parsed can be written");
  const std::string written = format::serialize_policy(*policy);
  const auto again = format::parse_policy(as_bytes(written), "a-policy");
  require(again.has_value() && *again == *policy, "a policy comes back");
  require(format::denial_bound(*policy) > format::nanoseconds::zero(), "the bound is a time");
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> seeds;
  for (const std::string& text :
       {format::serialize_policy({}), format::serialize_policy(format::strictest_policy()),
        std::string("[lease]\ngrace = \"1h30m\"\nprobe_jitter = 0.5\nconfirm_probes = 3\n"),
        std::string("alerts.webhook = \"https://[::1]:80/a\"\nalerts.token_file = '/a\\b'\n"),
        std::string("engine = { fence_timeout = \"500ms\" }\n"),
        std::string("[lease]\nambiguous = \"\\u00e9\" # \xc3\xa9\n"), std::string("[ .a]\n")}) {
    const ByteView bytes = as_bytes(text);
    seeds.emplace_back(bytes.begin(), bytes.end());
  }
  return seeds;
}

}  // namespace keyhold::fuzz
