// The fault panel: what is to go wrong, for whom, for how long.
//
// A fault names a service ("kms", "sts", "imds" …) and may narrow it to a resource and an
// operation; the first that fits a request is applied. Durable, but for how often one has been met:
// after a restart it is counted anew. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "devcloud/folder.h"
#include "net/http_server.h"

namespace keyhold::devcloud {

struct Fault {
  enum class Kind : std::uint8_t {
    deny,       // the service's "access denied"
    disable,    // the service's "key disabled"
    delay,      // the right answer, late
    throttle,   // the service's "too many requests"
    error,      // `status` and `code`; without them the service's internal error
    cut,        // the connection ends without an answer
    truncate,   // … in the middle of it
    wrong_key,  // a decryption gives other bytes than were encrypted
    garbage,    // 200, and a body that is not what the protocol has
    proxy,      // 403 with a page of HTML: something between, not the service
  };

  std::string id;  // given by the panel
  std::string service;
  std::string resource;   // whole, or what the resource's name ends with; empty: any
  std::string operation;  // "Decrypt"; empty: any
  Kind kind = Kind::deny;
  std::chrono::milliseconds delay{0};
  int status = 0;
  std::string code;
  std::string message;
  int remaining = 0;  // requests that it still applies to; 0: until it is cleared
};

std::string_view name_of(Fault::Kind kind);
std::optional<Fault::Kind> fault_kind(std::string_view name);

std::string to_json(const Fault& fault);
// Code::invalid_argument with what is wrong in it.
Result<Fault> fault_from_json(std::string_view text);

class FaultPanel {
 public:
  // `folder` outlives the panel.
  static Result<std::unique_ptr<FaultPanel>> open(const Folder& folder);

  // Returns it with its id.
  Result<Fault> add(Fault fault);
  // Code::not_found; without an id all of them.
  Status clear(std::string_view id);
  [[nodiscard]] std::vector<Fault> list() const;

  // The fault that this request meets, counted down.
  std::optional<Fault> meet(std::string_view service, std::string_view operation,
                            std::string_view resource);

  // How long a change of keys, policies and grants takes until requests are judged by it.
  [[nodiscard]] std::chrono::milliseconds propagation_delay() const;
  Status set_propagation_delay(std::chrono::milliseconds delay);

 private:
  explicit FaultPanel(const Folder& folder) : folder_(&folder) {}
  Status read(const std::string& text);
  [[nodiscard]] Status save(const std::vector<Fault>& faults,
                            std::chrono::milliseconds delay) const;

  const Folder* folder_;
  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
  std::chrono::milliseconds propagation_delay_{0};
};

// What the kinds that are no service's own do to an answer: delay, cut, truncate, garbage, proxy.
void apply_to(const Fault& fault, net::HttpAnswer& answer);

}  // namespace keyhold::devcloud
