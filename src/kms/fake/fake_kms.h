// A KMS in memory for tests: real keys with versions and states, and a script of what goes wrong.
//
// One FakeKms is one "cloud": every client made by it, in any thread, talks to the same keys.
// Without a script it behaves as a healthy KMS (it passes kms_conformance.h). Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crypto/random.h"
#include "kms/client.h"

namespace keyhold::kms {

enum class Operation : std::uint8_t { wrap, unwrap, describe, probe };

// What becomes of one request.
struct ScriptedOutcome {
  // The answer instead of the true one.
  std::optional<Fault> fault;
  // Passes before the answer. A request whose deadline comes first ends then, unavailable.
  std::chrono::nanoseconds delay{0};
  enum class Bend : std::uint8_t {
    none,
    wrong_key,          // unwrap and probe succeed, with some other key
    broken_ciphertext,  // wrap succeeds, with a ciphertext that never unwraps
  };
  Bend bend = Bend::none;

  static ScriptedOutcome ok() { return {}; }
  static ScriptedOutcome failing(Fault fault) { return {.fault = fault}; }
  static ScriptedOutcome slow(std::chrono::nanoseconds delay) {
    return {.fault = {}, .delay = delay};
  }
  static ScriptedOutcome bent(Bend bend) { return {.fault = {}, .bend = bend}; }
};

struct FakeRequest {
  Operation operation;
  std::string key;                     // its name
  std::optional<WrapContext> context;  // of wrap, unwrap, probe
  std::optional<Fault> fault;          // nothing: it succeeded
};

class FakeKms {
 public:
  using PassTime = std::function<void(std::chrono::nanoseconds)>;

  // Delays move the clock.
  FakeKms(ManualClock& clock, crypto::Random& random);
  // `pass_time` lets a delay pass on `clock`; called by one thread at a time.
  FakeKms(const Clock& clock, crypto::Random& random, PassTime pass_time);
  ~FakeKms();
  FakeKms(const FakeKms&) = delete;
  FakeKms& operator=(const FakeKms&) = delete;

  // The customer's side. REQUIRES: the key was created (create_key: was not), and is not destroyed.
  KeySpec create_key(const std::string& name);
  void rotate(const std::string& name);
  void disable(const std::string& name);
  void enable(const std::string& name);
  void schedule_deletion(const std::string& name, int days);
  void cancel_deletion(const std::string& name);

  // {LOCAL, local:///fake-kms/NAME}: a type that key rings can store; the key need not exist.
  [[nodiscard]] KeySpec spec(const std::string& name) const;
  // Lives on its own, after the FakeKms too. Fault::configuration for a spec that is not of a
  // FakeKms.
  [[nodiscard]] Result<std::unique_ptr<Client>> make_client(const KeySpec& spec) const;

  // The next requests of this operation, of any key, take these outcomes, one each.
  void script(Operation operation, std::vector<ScriptedOutcome> outcomes);
  // Requests without an outcome of their own take this one; nothing: the true one.
  void script_all(std::optional<ScriptedOutcome> outcome);

  [[nodiscard]] std::uint64_t calls(Operation operation) const;
  // All of them, oldest first.
  [[nodiscard]] std::vector<FakeRequest> requests() const;
  // The outcomes scripted for an operation and not taken yet.
  [[nodiscard]] std::size_t pending_script(Operation operation) const;

 private:
  class State;
  class FakeClient;
  std::shared_ptr<State> state_;
};

}  // namespace keyhold::kms
