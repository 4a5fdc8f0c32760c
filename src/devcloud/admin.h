// The admin API: /_devcloud/… on the HTTPS port, guarded by the bearer token in DIR/admin.token.
//
//   GET    /_devcloud/faults              {"faults": […]}
//   POST   /_devcloud/faults              a fault (fault_panel.h); gives it with its id
//   DELETE /_devcloud/faults[/ID]         one, or all
//   GET    /_devcloud/propagation         {"delay_ms": N}
//   PUT    /_devcloud/propagation         {"delay_ms": N}
//   PUT    /_devcloud/clock               {"offset_ms": N}: the cloud's date, ahead of the machine's
//   GET    /_devcloud/log?limit=N         {"records": […]}, oldest first
//   POST   /_devcloud/SERVICE/COMMAND     a service's own command (Service::administer)
//
// Errors: {"error": {"code", "message"}} with 400, 401, 404, 409 or 500.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "devcloud/service.h"
#include "devcloud/shifted_clock.h"
#include "net/http_server.h"

namespace keyhold::devcloud {

class Admin {
 public:
  // Makes the token where there is none. `services` and `clock` outlive it.
  static Result<Admin> open(const Shared& shared,
                            const std::vector<std::unique_ptr<Service>>& services,
                            ShiftedClock& clock);

  [[nodiscard]] static bool takes(const net::HttpCall& call);
  [[nodiscard]] net::HttpAnswer answer(const net::HttpCall& call) const;

 private:
  Admin(const Shared& shared, const std::vector<std::unique_ptr<Service>>& services,
        ShiftedClock& clock, std::string token)
      : shared_(shared), services_(&services), clock_(&clock), token_(std::move(token)) {}
  [[nodiscard]] bool allowed(const net::HttpCall& call) const;
  [[nodiscard]] Result<std::string> route(const net::HttpCall& call) const;
  [[nodiscard]] Result<std::string> faults(const net::HttpCall& call, const std::string& id) const;
  [[nodiscard]] Result<std::string> propagation(const net::HttpCall& call) const;
  [[nodiscard]] Result<std::string> clock(const net::HttpCall& call) const;
  [[nodiscard]] Result<std::string> log(const net::HttpCall& call) const;

  Shared shared_;
  const std::vector<std::unique_ptr<Service>>* services_;
  ShiftedClock* clock_;
  std::string token_;
};

}  // namespace keyhold::devcloud
