// EC2's instance metadata service, version 2 alone (EC2 User Guide, "Use the Instance Metadata
// Service"): PUT /latest/api/token, then GET with the token. Plain HTTP, as there.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "devcloud/aws/identity.h"
#include "devcloud/aws/state.h"
#include "devcloud/sealer.h"
#include "net/http_server.h"

namespace keyhold::devcloud::aws {

// Thread-safe.
class Metadata {
 public:
  // Both outlive it.
  Metadata(const Identity& identity, const Sealer& sealer)
      : identity_(&identity), sealer_(&sealer) {}

  [[nodiscard]] net::HttpAnswer answer(const AwsState& state, const net::HttpCall& call,
                                       WallTime now) const;

 private:
  [[nodiscard]] net::HttpAnswer give_token(const net::HttpCall& call, WallTime now) const;
  [[nodiscard]] bool is_token(const std::string& text, WallTime now) const;
  [[nodiscard]] net::HttpAnswer credentials(const AwsState& state, WallTime now) const;

  const Identity* identity_;
  const Sealer* sealer_;
};

}  // namespace keyhold::devcloud::aws
