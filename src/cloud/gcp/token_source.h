// The cluster's own access token, kept, and what it is exchanged for: tokens of the service
// accounts that it may impersonate.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cloud/environment.h"
#include "cloud/gcp/answers.h"
#include "cloud/gcp/credentials.h"
#include "net/http_client.h"

namespace keyhold::cloud::gcp {

// Thread-safe. The credential is looked for at the first request; its files are read anew for every
// token of our own.
class TokenSource {
 public:
  // `environment` and `clock` outlive the source. `http` is the client for all of Google.
  TokenSource(std::shared_ptr<net::HttpClient> http, const Environment& environment,
              const Clock& clock);

  // A token of the cluster's own principal with this scope; not kept.
  LoginResult<AccessToken> log_in(std::string_view scope, Deadline deadline);

  // Who our own principal is, in messages ("service account NAME"); `email` is empty where the
  // credential does not tell it.
  struct Own {
    std::string name;
    std::string email;
  };
  LoginResult<Own> own() const;

  // A token of the last account of the chain, asked for with our own token (which is kept, until it
  // is near its end or refused). `chain` is not empty. Not kept. Lifetimes: 1 s to 1 h.
  LoginResult<AccessToken> impersonate(const std::vector<std::string>& chain,
                                       std::string_view scope, std::chrono::seconds lifetime,
                                       Deadline deadline);

 private:
  LoginResult<AccessToken> token_of(const Credential& credential, std::string_view scope,
                                    Deadline deadline);
  LoginResult<AccessToken> exchange(const ExternalAccount& account, std::string_view scope,
                                    Deadline deadline);
  LoginResult<WipedString> own_token(Deadline deadline, bool* kept);
  LoginResult<net::HttpResponse> send(net::HttpRequest request, Deadline deadline);

  const std::shared_ptr<net::HttpClient> http_;
  const Environment* environment_;
  const Clock* clock_;
  std::mutex mutex_;
  WipedString own_;
  BootTime own_use_until_;  // before boot: none is kept
};

// The service accounts of an auth_principal, "delegate,…,target": emails or unique ids, at most 8.
// Code::invalid_argument says how one looks.
Result<std::vector<std::string>> parse_principals(std::string_view text);

}  // namespace keyhold::cloud::gcp
