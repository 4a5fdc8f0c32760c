#include <algorithm>
#include <array>

#include "format/policy_keys.h"

namespace keyhold::format {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

bool on_this_machine(std::string_view authority) {
  const auto host = authority.substr(
      0, authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':'));
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

// A token in clear text leaves this machine under no circumstances.
Status check_url(std::string_view url) {
  if (url.empty()) return {};
  const std::size_t scheme = url.find("://");
  const auto authority =
      scheme == std::string_view::npos
          ? std::string_view()
          : url.substr(scheme + 3, url.find_first_of("/?#", scheme + 3) - scheme - 3);
  const bool good =
      url.starts_with("https://") || (url.starts_with("http://") && on_this_machine(authority));
  if (good && !authority.empty() && authority.find('@') == std::string_view::npos &&
      is_plain(url) && url.size() <= kMaxPolicyTextSizeBytes) {
    return {};
  }
  return fail(Code::invalid_argument,
              "write it as https://HOST/PATH (http:// only for localhost), without a password");
}

Status check_path(std::string_view path) {
  const auto is_control = [](char c) {
    return (c >= 0 && c < ' ') || c == 0x7f || (c & 0x80) != 0;
  };
  if (path.empty() || (path.front() == '/' && path.size() <= kMaxPolicyTextSizeBytes &&
                       std::ranges::none_of(path, is_control))) {
    return {};
  }
  return fail(Code::invalid_argument, "name a file by its absolute path, in ASCII");
}

const std::array kKeys = {
    PolicyKey{"lease.probe_interval", "from one probe of the KMS to the next",
              DurationField{[](Policy& p) -> nanoseconds& { return p.lease.probe_interval; },
                            milliseconds(500), minutes(10)}},
    PolicyKey{"lease.probe_jitter", "each interval is longer or shorter by up to this share of it",
              ShareField{[](Policy& p) -> double& { return p.lease.probe_jitter; }, 0, 0.5}},
    PolicyKey{"lease.probe_deadline", "how long the KMS may take to answer a probe",
              DurationField{[](Policy& p) -> nanoseconds& { return p.lease.probe_deadline; },
                            milliseconds(100), seconds(10)}},
    PolicyKey{"lease.retry_interval", "between probes after a denial",
              DurationField{[](Policy& p) -> nanoseconds& { return p.lease.retry_interval; },
                            milliseconds(100), seconds(10)}},
    PolicyKey{"lease.confirm_after", "a denial that no success follows for so long seals",
              DurationField{[](Policy& p) -> nanoseconds& { return p.lease.confirm_after; },
                            milliseconds(0), minutes(5)}},
    PolicyKey{"lease.confirm_probes", "tried in that time, at least",
              CountField{[](Policy& p) -> unsigned& { return p.lease.confirm_probes; }, 1, 10}},
    PolicyKey{"lease.grace", "an outage of the KMS that lasts longer seals; 0: the second failure",
              DurationField{[](Policy& p) -> nanoseconds& { return p.lease.grace; },
                            milliseconds(0), hours(24)}},
    PolicyKey{"lease.stuck_after", "without a completed probe for so long the host seals itself",
              DurationField{[](Policy& p) -> nanoseconds& { return p.lease.stuck_after; },
                            seconds(1), hours(1)}},
    PolicyKey{"lease.settling", "how long a new key's denials may mean 'not ready yet'",
              DurationField{[](Policy& p) -> nanoseconds& { return p.lease.settling; },
                            milliseconds(0), hours(1)}},
    PolicyKey{
        "lease.successes_to_unseal", "probes that must succeed before the keys come back",
        CountField{[](Policy& p) -> unsigned& { return p.lease.successes_to_unseal; }, 1, 10}},
    PolicyKey{"lease.success_spacing", "between two of those, at least",
              DurationField{[](Policy& p) -> nanoseconds& { return p.lease.success_spacing; },
                            milliseconds(0), minutes(5)}},
    PolicyKey{
        "lease.ambiguous", "what an answer counts as that may mean either: outage or denial",
        ChoiceField{"outage", "denial",
                    [](const Policy& p) { return p.lease.ambiguous == AmbiguousRule::denial; },
                    [](Policy& p, bool second) {
                      p.lease.ambiguous = second ? AmbiguousRule::denial : AmbiguousRule::outage;
                    }}},
    PolicyKey{"lease.seal_when", "of several keys: any_denied or all_denied",
              ChoiceField{"any_denied", "all_denied",
                          [](const Policy& p) { return p.lease.seal_when == SealWhen::all_denied; },
                          [](Policy& p, bool second) {
                            p.lease.seal_when =
                                second ? SealWhen::all_denied : SealWhen::any_denied;
                          }}},
    PolicyKey{"alerts.webhook", "told of denials, outages, seals; empty: none",
              TextField{[](Policy& p) -> std::string& { return p.alerts.webhook; }, check_url}},
    PolicyKey{"alerts.token_file", "holds the bearer token for it",
              TextField{[](Policy& p) -> std::string& { return p.alerts.token_file; }, check_path}},
    PolicyKey{"alerts.ca_file", "authorities to trust for it, instead of the system's",
              TextField{[](Policy& p) -> std::string& { return p.alerts.ca_file; }, check_path}},
    PolicyKey{"engine.fence_timeout", "how long the engine may take to stop at a seal",
              DurationField{[](Policy& p) -> nanoseconds& { return p.engine.fence_timeout; },
                            milliseconds(100), minutes(1)}},
};

}  // namespace

std::span<const PolicyKey> policy_key_table() {
  return kKeys;
}

}  // namespace keyhold::format
