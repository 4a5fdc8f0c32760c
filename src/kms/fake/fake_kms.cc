#include "kms/fake/fake_kms.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>
#include <map>
#include <mutex>

#include "crypto/secret.h"
#include "crypto/wrap.h"

namespace keyhold::kms {
namespace {

using Bend = ScriptedOutcome::Bend;

constexpr std::string_view kUriPrefix = "local:///fake-kms/";
constexpr std::size_t kHeaderSizeBytes = 8;  // key number, key version

enum class FakeKeyState : std::uint8_t { enabled, disabled, pending_deletion };

// In plain memory, for a fake's key is no secret: the tests fork, and a child that plays another
// machine would find secret memory wiped.
using FakeCmek = std::array<std::uint8_t, crypto::Key256::kSizeBytes>;

struct FakeKey {
  std::uint32_t number = 0;
  FakeKeyState state = FakeKeyState::enabled;
  std::optional<WallTime> deletion_date;
  std::vector<FakeCmek> versions;  // the last is primary; version n stands at n - 1

  [[nodiscard]] std::uint32_t primary() const {
    return static_cast<std::uint32_t>(versions.size());
  }
};

struct Question {
  Operation operation;
  const std::string& key;
  const WrapContext* context;
  Deadline deadline;
};

struct Answering {
  const FakeKey& key;
  Bend bend;
  std::string request_id;
};

// Test code runs with secret memory enough: the tests' own set-up fails loudly where it does not.
crypto::Key256 fresh_key(crypto::Random& random) {
  auto key = crypto::Key256::generate(random);
  assert(key);
  return *std::move(key);
}

FakeCmek fresh_cmek(crypto::Random& random) {
  FakeCmek cmek{};
  random.fill(cmek);
  return cmek;
}

crypto::Key256 key_of(const FakeCmek& cmek) {
  auto key = crypto::Key256::copy_of(cmek, crypto::SecretAccess::grant());
  assert(key);
  return *std::move(key);
}

ByteVector header_of(std::uint32_t number, std::uint32_t version) {
  ByteVector header(kHeaderSizeBytes);
  store_le(header, number);
  store_le(MutableByteView(header).subspan(4), version);
  return header;
}

ByteVector aad_of(ByteView header, const WrapContext& context) {
  ByteVector aad(header.begin(), header.end());
  const std::string json = to_canonical_json(context);
  aad.insert(aad.end(), json.begin(), json.end());
  return aad;
}

tl::unexpected<Error> refuse(Fault fault, std::string message, const std::string& request_id) {
  return tl::unexpected(Error(fault, std::move(message), request_id));
}

Result<WrappedKey> wrap_by(const Answering& by, const crypto::Key256& key,
                           const WrapContext& context, crypto::Random& random) {
  ByteVector ciphertext = header_of(by.key.number, by.key.primary());
  const auto sealed =
      crypto::wrap_key(key_of(by.key.versions.back()), key, aad_of(ciphertext, context), random);
  if (!sealed) return refuse(Fault::unavailable, sealed.error().message(), by.request_id);
  ciphertext.insert(ciphertext.end(), sealed->begin(), sealed->end());
  if (by.bend == Bend::broken_ciphertext) ciphertext.back() ^= 1U;
  return WrappedKey{.ciphertext = std::move(ciphertext),
                    .key_version = KeyVersion(std::to_string(by.key.primary())),
                    .algorithm = "FAKE",
                    .request_id = by.request_id};
}

Result<UnwrappedKey> unwrap_by(const Answering& by, ByteView ciphertext, const WrapContext& context,
                               crypto::Random& random) {
  const auto malformed = [&](std::string message) {
    return refuse(Fault::malformed, std::move(message), by.request_id);
  };
  if (ciphertext.size() != kHeaderSizeBytes + crypto::kWrappedKeySizeBytes) {
    return malformed("not a ciphertext of the fake KMS");
  }
  const ByteView header = ciphertext.first(kHeaderSizeBytes);
  if (load_le<std::uint32_t>(header) != by.key.number) return malformed("wrapped by another key");
  const auto version = load_le<std::uint32_t>(header.subspan(4));
  if (version == 0 || version > by.key.primary()) return malformed("wrapped by no known version");
  auto key = crypto::unwrap_key(key_of(by.key.versions[version - 1]),
                                ciphertext.subspan(kHeaderSizeBytes), aad_of(header, context));
  if (!key) return malformed("wrapped key or context was altered");
  if (by.bend == Bend::wrong_key) key = fresh_key(random);
  return UnwrappedKey{.key = *std::move(key),
                      .key_version = KeyVersion(std::to_string(version)),
                      .request_id = by.request_id};
}

Result<KeyDescription> describe_by(const Answering& by) {
  static constexpr std::array kStates = {KeyState::enabled, KeyState::disabled,
                                         KeyState::pending_deletion};
  return KeyDescription{.state = kStates.at(static_cast<std::size_t>(by.key.state)),
                        .primary_version = KeyVersion(std::to_string(by.key.primary())),
                        .deletion_date = by.key.deletion_date,
                        .request_id = by.request_id};
}

}  // namespace

class FakeKms::State {
 public:
  State(const Clock& clock, crypto::Random& random, PassTime pass_time)
      : clock_(clock), random_(random), pass_time_(std::move(pass_time)) {}

  template <typename Edit>
  void edit(const std::string& name, Edit change) {
    const std::lock_guard lock(mutex_);
    change(keys_.at(name));
  }

  void create(const std::string& name) {
    const std::lock_guard lock(mutex_);
    assert(keys_.count(name) == 0);
    FakeKey& key = keys_[name];
    key.number = ++key_count_;
    key.versions.push_back(fresh_cmek(random_));
  }

  void script(Operation operation, std::vector<ScriptedOutcome> outcomes) {
    const std::lock_guard lock(mutex_);
    auto& queue = scripts_[operation];
    queue.insert(queue.end(), outcomes.begin(), outcomes.end());
  }
  void script_all(std::optional<ScriptedOutcome> outcome) {
    const std::lock_guard lock(mutex_);
    for_all_ = outcome;
  }
  std::vector<FakeRequest> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t pending_script(Operation operation) {
    const std::lock_guard lock(mutex_);
    return scripts_[operation].size();
  }

  template <typename T, typename Work>
  Result<T> answer(const Question& question, Work work) {
    const std::lock_guard lock(mutex_);
    Result<T> result = answer_locked<T>(question, work);
    FakeRequest& request = requests_.emplace_back();
    request = {.operation = question.operation, .key = question.key, .context = {}, .fault = {}};
    if (question.context != nullptr) request.context = *question.context;
    if (!result) request.fault = result.error().fault();
    return result;
  }

  [[nodiscard]] const Clock& clock() const { return clock_; }
  crypto::Random& random() { return random_; }

 private:
  ScriptedOutcome next_outcome(Operation operation) {
    auto& queue = scripts_[operation];
    if (queue.empty()) return for_all_.value_or(ScriptedOutcome::ok());
    const ScriptedOutcome outcome = queue.front();
    queue.pop_front();
    return outcome;
  }

  // False where the deadline comes first.
  bool pass_delay(std::chrono::nanoseconds delay, Deadline deadline) {
    const auto passes = std::min(delay, deadline.remaining(clock_));
    if (passes.count() > 0) pass_time_(passes);
    return !deadline.expired(clock_);
  }

  template <typename T, typename Work>
  Result<T> answer_locked(const Question& question, Work work) {
    const std::string request_id = "fake-" + std::to_string(requests_.size() + 1);
    const ScriptedOutcome outcome = next_outcome(question.operation);
    if (!pass_delay(outcome.delay, question.deadline)) {
      return refuse(Fault::unavailable, "the deadline passed", request_id);
    }
    if (outcome.fault) return refuse(*outcome.fault, "scripted", request_id);
    if (question.context != nullptr) {
      const Status valid = check_context(*question.context);
      if (!valid) return refuse(Fault::configuration, valid.error().message(), request_id);
    }
    return answer_from_key<T>(question, work, outcome.bend, request_id);
  }

  template <typename T, typename Work>
  Result<T> answer_from_key(const Question& question, Work work, Bend bend,
                            const std::string& request_id) {
    const auto found = keys_.find(question.key);
    if (found == keys_.end()) return refuse(Fault::not_found, "no such key", request_id);
    const FakeKey& key = found->second;
    if (key.deletion_date && clock_.wall_now() >= *key.deletion_date) {
      return refuse(Fault::not_found, "the key was destroyed", request_id);
    }
    if (question.operation != Operation::describe && key.state != FakeKeyState::enabled) {
      return refuse(Fault::disabled, "the key is disabled or pending deletion", request_id);
    }
    return work(Answering{.key = key, .bend = bend, .request_id = request_id});
  }

  const Clock& clock_;
  crypto::Random& random_;
  PassTime pass_time_;
  std::mutex mutex_;
  std::map<std::string, FakeKey> keys_;
  std::uint32_t key_count_ = 0;
  std::map<Operation, std::deque<ScriptedOutcome>> scripts_;
  std::optional<ScriptedOutcome> for_all_;
  std::vector<FakeRequest> requests_;
};

class FakeKms::FakeClient final : public Client {
 public:
  FakeClient(std::shared_ptr<State> state, KeySpec spec, std::string name)
      : state_(std::move(state)), spec_(std::move(spec)), name_(std::move(name)) {}

  [[nodiscard]] const KeySpec& spec() const override { return spec_; }

  Result<WrappedKey> wrap(const crypto::Key256& key, const WrapContext& context,
                          Deadline deadline) override {
    return state_->answer<WrappedKey>(
        {Operation::wrap, name_, &context, deadline},
        [&](const Answering& by) { return wrap_by(by, key, context, state_->random()); });
  }
  Result<UnwrappedKey> unwrap(ByteView ciphertext, const WrapContext& context,
                              Deadline deadline) override {
    return unwrap_as(Operation::unwrap, ciphertext, context, deadline);
  }
  Result<KeyDescription> describe(Deadline deadline) override {
    return state_->answer<KeyDescription>({Operation::describe, name_, nullptr, deadline},
                                          describe_by);
  }
  Result<std::string> probe(ByteView ciphertext, const WrapContext& context,
                            Deadline deadline) override {
    KEYHOLD_TRY_ASSIGN(const UnwrappedKey unwrapped,
                       unwrap_as(Operation::probe, ciphertext, context, deadline));
    return unwrapped.request_id;
  }

 private:
  Result<UnwrappedKey> unwrap_as(Operation operation, ByteView ciphertext,
                                 const WrapContext& context, Deadline deadline) {
    return state_->answer<UnwrappedKey>(
        {operation, name_, &context, deadline},
        [&](const Answering& by) { return unwrap_by(by, ciphertext, context, state_->random()); });
  }

  std::shared_ptr<State> state_;
  KeySpec spec_;
  std::string name_;
};

FakeKms::FakeKms(ManualClock& clock, crypto::Random& random)
    : FakeKms(clock, random, [&clock](std::chrono::nanoseconds span) { clock.advance(span); }) {}

FakeKms::FakeKms(const Clock& clock, crypto::Random& random, PassTime pass_time)
    : state_(std::make_shared<State>(clock, random, std::move(pass_time))) {}

FakeKms::~FakeKms() = default;

KeySpec FakeKms::create_key(const std::string& name) {
  state_->create(name);
  return spec(name);
}

void FakeKms::rotate(const std::string& name) {
  state_->edit(name, [&](FakeKey& key) { key.versions.push_back(fresh_cmek(state_->random())); });
}

void FakeKms::disable(const std::string& name) {
  state_->edit(name, [](FakeKey& key) { key.state = FakeKeyState::disabled; });
}

void FakeKms::enable(const std::string& name) {
  state_->edit(name, [](FakeKey& key) { key.state = FakeKeyState::enabled; });
}

void FakeKms::schedule_deletion(const std::string& name, int days) {
  state_->edit(name, [&](FakeKey& key) {
    key.state = FakeKeyState::pending_deletion;
    key.deletion_date = state_->clock().wall_now() + std::chrono::days(days);
  });
}

void FakeKms::cancel_deletion(const std::string& name) {
  state_->edit(name, [](FakeKey& key) {
    key.state = FakeKeyState::disabled;
    key.deletion_date.reset();
  });
}

KeySpec FakeKms::spec(const std::string& name) const {
  KeySpec spec;
  spec.type = KeyType::local;
  spec.uri = KeyUri(std::string(kUriPrefix) + name);
  return spec;
}

Result<std::unique_ptr<Client>> FakeKms::make_client(const KeySpec& spec) const {
  const std::string& uri = spec.uri.str();
  if (spec.type != KeyType::local || !uri.starts_with(kUriPrefix)) {
    return tl::unexpected(Error(Fault::configuration, "not a key of the fake KMS: " + uri));
  }
  return std::make_unique<FakeClient>(state_, spec, uri.substr(kUriPrefix.size()));
}

void FakeKms::script(Operation operation, std::vector<ScriptedOutcome> outcomes) {
  state_->script(operation, std::move(outcomes));
}

void FakeKms::script_all(std::optional<ScriptedOutcome> outcome) {
  state_->script_all(outcome);
}

std::uint64_t FakeKms::calls(Operation operation) const {
  const auto all = requests();
  return static_cast<std::uint64_t>(
      std::count_if(all.begin(), all.end(),
                    [&](const FakeRequest& request) { return request.operation == operation; }));
}

std::vector<FakeRequest> FakeKms::requests() const {
  return state_->requests();
}

std::size_t FakeKms::pending_script(Operation operation) const {
  return state_->pending_script(operation);
}

}  // namespace keyhold::kms
