// /metrics: a host's status in Prometheus' text format, over plain HTTP. No key material and no
// name of a file is in it; bind it to an address that only your monitoring reaches.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace keyhold::agent {

// Serves until destroyed, on threads of its own. Thread-safe.
class Metrics {
 public:
  // `address` is HOST:PORT; port 0 is one that is free. Code::invalid_argument where it is no such,
  // Code::busy where it cannot be listened on. `clock` outlives the metrics.
  static Result<std::unique_ptr<Metrics>> start(const std::string& address,
                                                const std::string& store_path, const Clock& clock);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  [[nodiscard]] int port() const;

 private:
  struct Server;
  explicit Metrics(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace keyhold::agent
