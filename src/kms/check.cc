#include "kms/check.h"

#include <utility>

#include "base/timestamp.h"
#include "crypto/random.h"
#include "crypto/secret.h"

namespace keyhold::kms {
namespace {

using Outcome = CheckStep::Outcome;

constexpr std::string_view state_name(KeyState state) {
  switch (state) {
    case KeyState::enabled:
      return "enabled";
    case KeyState::disabled:
      return "disabled";
    case KeyState::pending_deletion:
      return "pending deletion";
  }
  return "unknown";
}

bool is_same(const crypto::Key256& a, const crypto::Key256& b) {
  const auto access = crypto::SecretAccess::grant();
  return crypto::equal_constant_time(a.bytes(access), b.bytes(access));
}

// One walk; a step that needs an earlier one that failed is skipped.
class Walk {
 public:
  Walk(Client& client, const WrapContext& context, const Clock& clock, crypto::Random& random,
       std::chrono::nanoseconds patience)
      : client_(client), context_(context), clock_(clock), random_(random), patience_(patience) {}

  CheckReport go() && {
    const bool logged_in = logins();
    // A key that cannot be described for another reason than a grant is not asked for more.
    const auto wrapped = logged_in && describe() ? wrap() : std::nullopt;
    if (wrapped) {
      // Where nothing is opened, that another context is refused says nothing.
      if (unwrap(*wrapped)) unwrap_with_another_context(*wrapped);
      probe(*wrapped);
    }
    for (const char* const name :
         {"describe", "wrap", "unwrap", "unwrap with another context", "probe"}) {
      skip_unless_tried(name);
    }
    return std::move(report_);
  }

 private:
  [[nodiscard]] Deadline soon() const { return Deadline::after(clock_, patience_); }

  void passed(std::string name, std::string detail) {
    report_.steps.push_back({Outcome::passed, std::move(name), std::move(detail)});
  }
  void failed(std::string name, const Error& error, std::vector<Grant> missing) {
    report_.steps.push_back({Outcome::failed, std::move(name), error.message()});
    if (!report_.failure) report_.failure = error;
    if (error.fault() == Fault::denied && report_.missing.empty()) {
      report_.missing = std::move(missing);
    }
  }
  void failed(std::string name, const Error& error) {
    failed(std::move(name), error, client_.grants());
  }
  void skip_unless_tried(const char* name) {
    for (const CheckStep& step : report_.steps) {
      if (step.name == name) return;
    }
    report_.steps.push_back({Outcome::skipped, name, "not tried"});
  }

  bool logins() {
    for (LoginStep& step : client_.walk_logins(soon())) {
      if (step.refusal) {
        failed(std::move(step.name), *step.refusal, std::move(step.missing));
        return false;
      }
      passed(std::move(step.name), std::move(step.detail));
    }
    return true;
  }

  bool describe() {
    const auto key = client_.describe(soon());
    if (!key) {
      failed("describe", key.error());
      return key.error().fault() == Fault::denied;
    }
    const std::string theirs = key->kms_state.empty() ? "" : " (" + key->kms_state + ")";
    passed("describe", std::string(state_name(key->state)) + theirs + ", version " +
                           key->primary_version.str());
    if (key->state == KeyState::pending_deletion) {
      report_.warnings.push_back(
          "the key is pending deletion" +
          (key->deletion_date ? ": it is destroyed on " + format_timestamp(*key->deletion_date)
                              : std::string()) +
          "; what hangs from it is lost then, for everybody");
    }
    if (key->expires) {
      report_.warnings.push_back("the key's material expires on " +
                                 format_timestamp(*key->expires) +
                                 ": import it anew before, or the store seals");
    }
    if (key->deletable_at_once) {
      report_.warnings.emplace_back(
          "the key's material can be deleted at once, without a waiting period: keep a copy where "
          "it was made, or take that permission away");
    }
    return true;
  }

  std::optional<WrappedKey> wrap() {
    auto key = crypto::Key256::generate(random_);
    if (!key) {
      failed("wrap", Error(Fault::configuration, key.error().message()));
      return std::nullopt;
    }
    key_ = *std::move(key);
    auto wrapped = client_.wrap(key_, context_, soon());
    if (!wrapped) {
      failed("wrap", wrapped.error());
      return std::nullopt;
    }
    passed("wrap", "under version " + wrapped->key_version.str() + ", " + wrapped->algorithm);
    return *std::move(wrapped);
  }

  bool unwrap(const WrappedKey& wrapped) {
    const auto unwrapped = client_.unwrap(wrapped.ciphertext, context_, soon());
    if (!unwrapped) {
      failed("unwrap", unwrapped.error());
    } else if (!is_same(unwrapped->key, key_)) {
      failed("unwrap", Error(Fault::malformed, "the KMS gave another key back"));
    } else {
      passed("unwrap", "the key came back");
      return true;
    }
    return false;
  }

  // A policy may refuse it before the cipher does.
  void unwrap_with_another_context(const WrappedKey& wrapped) {
    const char* const name = "unwrap with another context";
    WrapContext other = context_;
    other.cluster = ClusterId(context_.cluster.str() + "-other");
    const auto unwrapped = client_.unwrap(wrapped.ciphertext, other, soon());
    if (unwrapped) {
      failed(name,
             Error(Fault::malformed, "the KMS opened it: it does not bind keys to a context"));
      return;
    }
    const Error& error = unwrapped.error();
    if (error.fault() == Fault::malformed || error.fault() == Fault::denied) {
      passed(name, "refused, as it has to be");
    } else {
      failed(name, error);
    }
  }

  void probe(const WrappedKey& wrapped) {
    const auto probed = client_.probe(wrapped.ciphertext, context_, soon());
    if (!probed) {
      failed("probe", probed.error());
    } else {
      passed("probe", "with credentials made for it");
    }
  }

  Client& client_;
  const WrapContext& context_;
  const Clock& clock_;
  crypto::Random& random_;
  const std::chrono::nanoseconds patience_;
  crypto::Key256 key_;  // made for the walk
  CheckReport report_;
};

}  // namespace

CheckReport check_key(Client& client, const WrapContext& context, const Clock& clock,
                      crypto::Random& random, std::chrono::nanoseconds patience) {
  return Walk(client, context, clock, random, patience).go();
}

}  // namespace keyhold::kms
