// Signed requests to AWS KMS, in one region or another, as the cluster or as the customer's role.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cloud/aws/login.h"
#include "cloud/environment.h"
#include "kms/aws/messages/faults.h"
#include "kms/client.h"
#include "net/http_client.h"

namespace keyhold::kms::aws {

enum class Credentials : std::uint8_t {
  kept,      // good ones from before, else new ones
  made_now,  // a login for this request alone
};

struct Answer {
  WipedString body;
  std::string request_id;
};

// Thread-safe.
class Session {
 public:
  // `environment` outlives the session; `clock` lives as long as the process.
  Session(std::vector<cloud::aws::RoleHop> roles, std::string session_name,
          std::shared_ptr<net::HttpClient> http, const cloud::Environment& environment,
          const Clock& clock);

  // The answer with status 200, or the fault that the taxonomy says. `step` is "kms:Decrypt arn:…".
  // With kept credentials that are refused as such, the request is sent once more with new ones.
  // The credentials are asked for in the same region.
  Result<Answer> ask(const net::HttpRequest& request, const std::string& region,
                     const std::string& step, Credentials with, Deadline deadline);

  // The own login and each role after it, made now, up to the first that is refused. identity()
  // tells the own one afterwards.
  std::vector<LoginStep> walk_logins(const std::string& region, Deadline deadline);
  // The ARN of the own credentials at the last walk_logins(); empty: not known.
  [[nodiscard]] std::string identity();
  [[nodiscard]] const std::vector<cloud::aws::RoleHop>& roles() const { return roles_; }

 private:
  Result<cloud::aws::Credentials> credentials(const std::string& region, Credentials with,
                                              bool* are_kept, Deadline deadline);
  Result<cloud::aws::Credentials> own(const cloud::aws::StsEndpoint& sts, Credentials with,
                                      Deadline deadline);
  Result<net::HttpResponse> send(net::HttpRequest request, const std::string& region,
                                 const std::string& step,
                                 const cloud::aws::Credentials& credentials, Deadline deadline);
  void forget();

  const std::vector<cloud::aws::RoleHop> roles_;
  const std::shared_ptr<net::HttpClient> http_;
  const cloud::Environment* environment_;
  const Clock* clock_;
  cloud::aws::Login login_;
  std::mutex mutex_;
  std::optional<cloud::aws::TimedCredentials> kept_;  // of the last role
  std::string identity_;
};

}  // namespace keyhold::kms::aws
