// What the suite of all providers (kms_conformance.h) has its hands on.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "kms/client.h"

namespace keyhold::kms {

// A KMS of the provider's, as its customer administers it. A failing action is a failure of the
// test (the adapter reports it).
class KmsAdapter {
 public:
  virtual ~KmsAdapter() = default;

  [[nodiscard]] virtual const Clock& clock() const = 0;
  virtual KeySpec create_key(const std::string& name) = 0;
  // The spec of a key that was never created.
  virtual KeySpec missing_key() = 0;
  virtual void disable(const std::string& name) = 0;
  virtual void enable(const std::string& name) = 0;
  virtual void rotate(const std::string& name) = 0;
  virtual void schedule_deletion(const std::string& name) = 0;
  virtual void cancel_deletion(const std::string& name) = 0;
  // Moves time past the deletion date of every key that has one.
  virtual void pass_deletion_date() = 0;
  virtual Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) = 0;
  // Why this KMS has nothing of what the test of this name asks for; empty: it has, or must.
  [[nodiscard]] virtual std::string lacks([[maybe_unused]] const std::string& test) const {
    return {};
  }
};

}  // namespace keyhold::kms
