// Credentials by request: the cluster's own, kept while they are good, and those of the roles that
// they may assume.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cloud/aws/credentials.h"
#include "cloud/aws/login_error.h"
#include "cloud/aws/requests.h"
#include "cloud/aws/source.h"
#include "cloud/environment.h"
#include "net/http_client.h"

namespace keyhold::cloud::aws {

// Credentials and how long they may be used, on the clock that a wrong date does not move.
struct TimedCredentials {
  Credentials credentials;
  BootTime asked;
  std::optional<BootTime> use_until;  // renewed from then on, a fifth before their end
};

// Thread-safe. The source is looked for at every new login; files are read anew each time.
class Login {
 public:
  // `environment` outlives the login; `clock` lives as long as the process. `http` is for STS.
  // `session_name` is what a role's session is called where nothing else is said.
  Login(std::shared_ptr<net::HttpClient> http, const Environment& environment, const Clock& clock,
        std::string session_name);

  // The cluster's own credentials: kept ones, or ones made now. Roles of a profile are assumed on
  // the way. While a renewal gets no answer, kept ones are good until they expire.
  LoginResult<Credentials> own(const StsEndpoint& sts, Deadline deadline);
  // Made now where they can be (a role, a web identity).
  LoginResult<Credentials> own_anew(const StsEndpoint& sts, Deadline deadline);

  // The last role of the chain, each assumed with the credentials of the one before it, the first
  // with `own`. Not kept. A denial by one before the last is a configuration fault: it is not the
  // last role's word. REQUIRES: roles is not empty.
  LoginResult<TimedCredentials> assume(const std::vector<RoleHop>& roles, const Credentials& own,
                                       const StsEndpoint& sts, std::chrono::seconds lifetime,
                                       Deadline deadline);

  // The ARN of whoever has these credentials. Any principal may ask for its own.
  LoginResult<std::string> identity(const Credentials& credentials, const StsEndpoint& sts,
                                    Deadline deadline);

  // The kept ones were refused.
  void forget();

 private:
  LoginResult<TimedCredentials> log_in(const StsEndpoint& sts, Deadline deadline);
  LoginResult<TimedCredentials> base_of(const Source& source, const StsEndpoint& sts,
                                        Deadline deadline);
  LoginResult<TimedCredentials> with_web_identity(WebIdentity identity, const StsEndpoint& sts,
                                                  Deadline deadline);
  LoginResult<TimedCredentials> of_container(const ContainerEndpoint& container, Deadline deadline);
  LoginResult<TimedCredentials> of_metadata(const InstanceMetadata& metadata, Deadline deadline);
  LoginResult<net::HttpResponse> send(net::HttpClient& http, net::HttpRequest request,
                                      const std::string& step, Deadline deadline);
  [[nodiscard]] TimedCredentials timed(Credentials credentials, BootTime asked) const;
  std::optional<Credentials> kept(bool even_if_due);
  void keep(const TimedCredentials& credentials);

  const std::shared_ptr<net::HttpClient> http_;
  const std::shared_ptr<net::HttpClient> near_;  // metadata, container: they answer at once or not
  const Environment* environment_;
  const Clock* clock_;
  const std::string session_name_;
  std::mutex mutex_;
  std::optional<TimedCredentials> kept_;
};

// AWS_ENDPOINT_URL_STS, then AWS_ENDPOINT_URL (unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true),
// else the region's own.
StsEndpoint sts_endpoint(const Environment& environment, const std::string& region);
// AWS_USE_FIPS_ENDPOINT.
bool uses_fips(const Environment& environment);

}  // namespace keyhold::cloud::aws
