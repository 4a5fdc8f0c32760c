// A login to Vault: the token that requests go with, kept until it is near its end.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "cloud/environment.h"
#include "kms/client.h"
#include "kms/vault/messages/answers.h"
#include "kms/vault/messages/faults.h"
#include "kms/vault/principal.h"
#include "kms/vault/uri.h"
#include "net/http_client.h"

namespace keyhold::kms::vault {

// Thread-safe. Credentials are read from their files anew for every login.
class Session {
 public:
  // `environment` and `clock` outlive the session.
  Session(KeyLocation key, Login login, std::shared_ptr<net::HttpClient> http,
          const cloud::Environment& environment, const Clock& clock);

  // Whether a token comes from a login (and not from a file or a variable).
  [[nodiscard]] bool logs_in() const { return login_.method != Method::token; }

  // A token made for the caller.
  Result<Token> log_in(Deadline deadline);
  // The kept one, or one made now. `*kept` says which.
  Result<WipedString> token(Deadline deadline, bool* kept);
  void forget();
  // Ends a token of log_in(); best effort, for it ends by itself.
  void revoke(const Token& token, Deadline deadline);

  // A login made now and ended again; for the method `token`, whether there is one.
  LoginStep walk_login(Deadline deadline);
  // "approle 5b7f…", as in the key's auth_principal.
  [[nodiscard]] std::string principal_name() const;

  // One request; its headers are wiped. Fault::unavailable where there is no whole answer by the
  // deadline.
  Result<net::HttpResponse> send(net::HttpRequest request, Deadline deadline);
  // The same, for the body of a 200; else the fault that the taxonomy says.
  Result<WipedString> ask(Step step, net::HttpRequest request, Deadline deadline);

 private:
  struct Kept {
    WipedString value;
    std::optional<BootTime> use_until;
  };

  const KeyLocation key_;
  const Login login_;
  const std::shared_ptr<net::HttpClient> http_;
  const cloud::Environment* environment_;
  const Clock* clock_;
  std::mutex mutex_;
  std::optional<Kept> kept_;
};

}  // namespace keyhold::kms::vault
