#include "kms/vault/client.h"

#include <algorithm>
#include <array>

#include "cloud/vault/policy.h"
#include "kms/vault/messages/requests.h"

namespace keyhold::kms {
namespace {

// Those that authenticate associated data.
constexpr std::array<std::string_view, 4> kAeadTypes = {"aes128-gcm96", "aes256-gcm96",
                                                        "chacha20-poly1305", "xchacha20-poly1305"};

tl::unexpected<Error> refuse(Fault fault, std::string message, std::string request_id = {}) {
  return tl::unexpected(Error(fault, std::move(message), std::move(request_id)));
}

// An answer of 200 that cannot be read is no answer.
tl::unexpected<Error> unreadable(const keyhold::Error& error) {
  return refuse(Fault::unavailable, error.message());
}

Result<void> check_usable(const vault::KeyLocation& at, const vault::TransitKey& key) {
  const std::string name = "the Vault key " + at.name;
  if (std::ranges::find(kAeadTypes, key.type) == kAeadTypes.end()) {
    return refuse(Fault::configuration,
                  name + " is of type " + key.type +
                      ", which does not bind a context; make one of type aes256-gcm96",
                  key.request_id);
  }
  if (key.derived) {
    return refuse(Fault::configuration,
                  name + " is a derived or convergent one; make one without derivation",
                  key.request_id);
  }
  if (key.soft_deleted) return refuse(Fault::disabled, name + " is soft-deleted", key.request_id);
  return {};
}

}  // namespace

Result<std::unique_ptr<Client>> VaultClient::create(const KeySpec& spec,
                                                    const cloud::Environment& environment,
                                                    const Clock& clock) {
  if (spec.type != KeyType::vault_transit) {
    return refuse(Fault::configuration, "not the spec of a Vault key");
  }
  auto key = vault::parse_uri(spec.uri.str());
  if (!key) return refuse(Fault::configuration, key.error().message());
  if (!spec.endpoint.empty()) {
    auto origin = vault::parse_origin(spec.endpoint);
    if (!origin) return refuse(Fault::configuration, origin.error().message());
    key->origin = *std::move(origin);
  }
  auto principal = vault::parse_principal(spec.auth_principal.str());
  if (!principal) return refuse(Fault::configuration, principal.error().message());
  vault::Login login = vault::with_environment(*std::move(principal), environment);
  net::HttpOptions options;
  options.ca_file = spec.ca_file.empty() ? environment.get_or("VAULT_CACERT", "") : spec.ca_file;
  if (login.method == vault::Method::cert) {
    options.client_cert_file = login.file;
    options.client_key_file = login.key_file;
  }
  auto session = std::make_unique<vault::Session>(
      *key, std::move(login), net::shared_http_client(clock, options), environment, clock);
  return std::unique_ptr<Client>(new VaultClient(spec, *std::move(key), std::move(session), clock));
}

VaultClient::VaultClient(KeySpec spec, vault::KeyLocation key,
                         std::unique_ptr<vault::Session> session, const Clock& clock)
    : spec_(std::move(spec)), key_(std::move(key)), session_(std::move(session)), clock_(&clock) {}

Result<void> VaultClient::check(const WrapContext* context, Deadline deadline) const {
  if (deadline.expired(*clock_)) {
    return refuse(Fault::unavailable, "the deadline passed before the request");
  }
  if (context == nullptr) return {};
  const Status valid = check_context(*context);
  if (!valid) return refuse(Fault::configuration, valid.error().message());
  return {};
}

Error VaultClient::judge(Error refusal, const WipedString& token, Deadline deadline) {
  if (session_->logs_in() || refusal.fault() != Fault::denied) return refusal;
  const auto known = session_->send(vault::lookup_request(key_, token), deadline);
  // A cut after a denial does not make it less of one.
  if (!known || known->status != 403 || !vault::parse_refusal(known->body).parsed) return refusal;
  return {Fault::ambiguous, "Vault no longer knows the token: it has ended or was revoked"};
}

template <typename T, typename Work>
Result<T> VaultClient::with_token(Deadline deadline, Work work) {
  bool kept = false;
  KEYHOLD_TRY_ASSIGN(WipedString token, session_->token(deadline, &kept));
  Result<T> result = work(token);
  if (!result && kept && result.error().fault() == Fault::denied) {
    session_->forget();
    KEYHOLD_TRY_ASSIGN(token, session_->token(deadline, &kept));
    result = work(token);
  }
  if (!result) return tl::unexpected(judge(std::move(result).error(), token, deadline));
  return result;
}

Result<vault::TransitKey> VaultClient::read_key(const WipedString& token, Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(
      const WipedString body,
      session_->ask(vault::Step::read_key, vault::read_key_request(key_, token), deadline));
  auto key = vault::parse_key(body);
  if (!key) return unreadable(key.error());
  return *std::move(key);
}

Result<WrappedKey> VaultClient::wrap(const crypto::Key256& key, const WrapContext& context,
                                     Deadline deadline) {
  KEYHOLD_TRY(check(&context, deadline));
  return with_token<WrappedKey>(deadline, [&](const WipedString& token) -> Result<WrappedKey> {
    KEYHOLD_TRY_ASSIGN(const vault::TransitKey found, read_key(token, deadline));
    KEYHOLD_TRY(check_usable(key_, found));
    KEYHOLD_TRY_ASSIGN(
        const WipedString body,
        session_->ask(vault::Step::encrypt,
                      vault::encrypt_request(key_, token, key, to_canonical_json(context)),
                      deadline));
    auto wrapped = vault::parse_encrypt(body);
    if (!wrapped) return unreadable(wrapped.error());
    wrapped->algorithm = found.type;
    return *std::move(wrapped);
  });
}

Result<UnwrappedKey> VaultClient::decrypt(const WipedString& token,
                                          const vault::Ciphertext& ciphertext,
                                          const WrapContext& context, Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(WipedString body,
                     session_->ask(vault::Step::decrypt,
                                   vault::decrypt_request(key_, token, ciphertext.text,
                                                          to_canonical_json(context)),
                                   deadline));
  auto unwrapped = vault::parse_decrypt(body);
  if (!unwrapped) return unreadable(unwrapped.error());
  unwrapped->key_version = KeyVersion(std::to_string(ciphertext.version));
  return *std::move(unwrapped);
}

Result<UnwrappedKey> VaultClient::unwrap(ByteView ciphertext, const WrapContext& context,
                                         Deadline deadline) {
  KEYHOLD_TRY(check(&context, deadline));
  const auto parsed = vault::parse_ciphertext(ciphertext);
  if (!parsed) return refuse(Fault::malformed, parsed.error().message());
  return with_token<UnwrappedKey>(deadline, [&](const WipedString& token) {
    return decrypt(token, *parsed, context, deadline);
  });
}

Result<KeyDescription> VaultClient::describe(Deadline deadline) {
  KEYHOLD_TRY(check(nullptr, deadline));
  KEYHOLD_TRY_ASSIGN(const vault::TransitKey key,
                     with_token<vault::TransitKey>(deadline, [&](const WipedString& token) {
                       return read_key(token, deadline);
                     }));
  const auto usable = check_usable(key_, key);
  if (!usable && usable.error().fault() != Fault::disabled) {
    return tl::unexpected(usable.error());
  }
  return KeyDescription{.state = usable ? KeyState::enabled : KeyState::disabled,
                        .primary_version = KeyVersion(std::to_string(key.latest_version)),
                        .deletion_date = {},
                        .request_id = key.request_id,
                        .kms_state = key.soft_deleted ? "soft-deleted" : "",
                        .expires = {},
                        .deletable_at_once = key.deletion_allowed};
}

Result<std::string> VaultClient::probe(ByteView ciphertext, const WrapContext& context,
                                       Deadline deadline) {
  KEYHOLD_TRY(check(&context, deadline));
  const auto parsed = vault::parse_ciphertext(ciphertext);
  if (!parsed) return refuse(Fault::malformed, parsed.error().message());
  KEYHOLD_TRY_ASSIGN(const vault::Token token, session_->log_in(deadline));
  const auto unwrapped = decrypt(token.value, *parsed, context, deadline);
  if (!unwrapped) {
    Error refusal = judge(unwrapped.error(), token.value, deadline);
    session_->revoke(token, deadline);
    return tl::unexpected(std::move(refusal));
  }
  session_->revoke(token, deadline);
  return unwrapped->request_id;
}

std::vector<LoginStep> VaultClient::walk_logins(Deadline deadline) {
  return {session_->walk_login(deadline)};
}

std::vector<Grant> VaultClient::grants() const {
  const std::string mount = key_.mount + "/";
  const auto rule = [&](const char* call, const char* capability) {
    return "path \"" + mount + call + "/" + key_.name + "\" { capabilities = [\"" + capability +
           "\"] }\n";
  };
  return {{.place = "a policy of the principal " + session_->principal_name(),
           .text = rule("encrypt", "update") + rule("decrypt", "update") + rule("keys", "read")}};
}

Result<std::vector<Foretold>> VaultClient::foretell(const std::string& policy, const WrapContext&,
                                                    Deadline) {
  struct Row {
    const char* call;
    const char* capability;
    const char* more;
    bool needed;
  };
  constexpr std::array kRows = {Row{"encrypt", "update", "", true},
                                Row{"decrypt", "update", "", true},
                                Row{"keys", "read", "", true},
                                Row{"encrypt", "create", "", false},
                                Row{"keys", "delete", "", false},
                                Row{"keys", "update", "/config", false},
                                Row{"export/encryption-key", "read", "", false}};
  const auto rules = cloud::vault::parse_policy(policy);
  if (!rules) {
    return refuse(Fault::configuration, "the policy cannot be judged: " + rules.error().message());
  }
  std::vector<Foretold> foretold;
  for (const Row& row : kRows) {
    const std::string path = key_.mount + "/" + row.call + "/" + key_.name + row.more;
    const bool allowed = cloud::vault::allows({*rules}, path, row.capability);
    foretold.push_back(
        {.action = std::string(row.capability) + " " + path,
         .outcome = allowed ? Foretold::Outcome::allowed : Foretold::Outcome::refused,
         .needed = row.needed,
         .reason = allowed ? "" : "no path of it gives that capability"});
  }
  return foretold;
}

}  // namespace keyhold::kms
