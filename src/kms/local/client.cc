#include "kms/local/client.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "crypto/wrap.h"
#include "kms/local/expiry.h"
#include "kms/local/lifecycle.h"
#include "kms/local/messages/format.h"

namespace keyhold::kms {
namespace {

using local::CiphertextHeader;
using local::KeyFile;

constexpr std::string_view kAlgorithm = "HKDF-SHA256-AES-256-GCM";

// The taxonomy of this provider (docs/formats/local-kms.md). Only what a healthy KMS says of the
// key, or its permissions of us, is a denial.
Fault fault_of(Code code) {
  switch (code) {
    case Code::denied:
      return Fault::denied;
    case Code::not_found:
      return Fault::not_found;
    case Code::wrong_key:
    case Code::integrity:  // of marker or key file: waiting repairs neither
      return Fault::malformed;
    case Code::unsupported:
      return Fault::configuration;
    default:
      return Fault::unavailable;
  }
}

tl::unexpected<Error> refuse(Fault fault, std::string message, const AccessLogEntry& entry) {
  return tl::unexpected(Error(fault, std::move(message), entry.request_id));
}
tl::unexpected<Error> refuse(const keyhold::Error& error, const AccessLogEntry& entry) {
  return refuse(fault_of(error.code()), error.message(), entry);
}

// What stands in no access log has no request id: nobody could find it there.
tl::unexpected<Error> refuse_unlogged(Fault fault, std::string message) {
  return tl::unexpected(Error(fault, std::move(message)));
}

ByteVector aad_of(const CiphertextHeader& header, const WrapContext& context) {
  const auto bytes = local::serialize_ciphertext_header(header);
  const std::string json = to_canonical_json(context);
  ByteVector aad(bytes.begin(), bytes.end());
  aad.insert(aad.end(), json.begin(), json.end());
  return aad;
}

const local::Version* find_version(const KeyFile& key, std::uint32_t number) {
  const auto found = std::find_if(key.versions.begin(), key.versions.end(),
                                  [&](const auto& version) { return version.number == number; });
  return found == key.versions.end() ? nullptr : &*found;
}

KeyVersion to_key_version(std::uint32_t number) {
  return KeyVersion(std::to_string(number));
}

// A key that nobody may use: refused by what the customer did to it.
Result<void> check_enabled(const std::string& name, const KeyFile& key,
                           const AccessLogEntry& entry) {
  if (key.state == local::State::enabled) return {};
  return refuse(Fault::disabled, refusal(name, key), entry);
}

Result<WrappedKey> wrap_with(const KeyFile& file, const crypto::Key256& key,
                             const WrapContext& context, crypto::Random& random,
                             AccessLogEntry& entry) {
  entry.version = file.primary;
  const CiphertextHeader header{.key_id = file.id, .version = file.primary};
  const auto bytes = local::serialize_ciphertext_header(header);
  const auto sealed = crypto::wrap_key(find_version(file, file.primary)->material, key,
                                       aad_of(header, context), random);
  if (!sealed) return refuse(Fault::unavailable, sealed.error().message(), entry);
  ByteVector ciphertext(bytes.begin(), bytes.end());
  ciphertext.insert(ciphertext.end(), sealed->begin(), sealed->end());
  return WrappedKey{.ciphertext = std::move(ciphertext),
                    .key_version = to_key_version(file.primary),
                    .algorithm = std::string(kAlgorithm),
                    .request_id = entry.request_id};
}

Result<UnwrappedKey> unwrap_with(const KeyFile& file, ByteView ciphertext,
                                 const WrapContext& context, AccessLogEntry& entry) {
  const auto header = local::parse_ciphertext_header(ciphertext);
  if (!header) return refuse(header.error(), entry);
  if (header->key_id != file.id) {
    return refuse(
        Fault::malformed,
        "wrapped by another key: " + header->key_id.hex() + ", this one is " + file.id.hex(),
        entry);
  }
  const local::Version* version = find_version(file, header->version);
  if (version == nullptr) {
    return refuse(
        Fault::malformed,
        "wrapped by version " + std::to_string(header->version) + ", which this key does not have",
        entry);
  }
  auto key =
      crypto::unwrap_key(version->material, ciphertext.subspan(local::kCiphertextHeaderSizeBytes),
                         aad_of(*header, context));
  if (!key && key.error().code() == Code::integrity) {
    return refuse(Fault::malformed, "wrapped key or context was altered", entry);
  }
  if (!key) return refuse(Fault::unavailable, key.error().message(), entry);
  entry.version = header->version;
  return UnwrappedKey{.key = *std::move(key),
                      .key_version = to_key_version(header->version),
                      .request_id = entry.request_id};
}

KeyState to_key_state(local::State state) {
  switch (state) {
    case local::State::enabled:
      return KeyState::enabled;
    case local::State::disabled:
      return KeyState::disabled;
    default:
      return KeyState::pending_deletion;
  }
}

Result<KeyDescription> describe_from(const KeyFile& file, const AccessLogEntry& entry) {
  return KeyDescription{.state = to_key_state(file.state),
                        .primary_version = to_key_version(file.primary),
                        .deletion_date = file.deletion_date,
                        .request_id = entry.request_id};
}

}  // namespace

Result<std::unique_ptr<Client>> LocalClient::create(const KeySpec& spec, io::FileSystem& files,
                                                    const Clock& clock, crypto::Random& random) {
  const auto invalid = [](std::string message) {
    return tl::unexpected(Error(Fault::configuration, std::move(message)));
  };
  if (spec.type != KeyType::local) return invalid("not the spec of a LOCAL key");
  if (!spec.auth_principal.empty() || !spec.endpoint.empty() || !spec.ca_file.empty()) {
    return invalid("a LOCAL key takes no principal, endpoint or CA file");
  }
  auto location = local::parse_uri(spec.uri.str());
  if (!location) return invalid(location.error().message());
  return std::unique_ptr<Client>(new LocalClient(spec, *std::move(location), files, clock, random));
}

LocalClient::LocalClient(KeySpec spec, local::KeyLocation location, io::FileSystem& files,
                         const Clock& clock, crypto::Random& random)
    : spec_(std::move(spec)),
      location_(std::move(location)),
      directory_(location_.directory, files, clock),
      access_log_(location_.directory, files, clock),
      clock_(&clock),
      random_(&random) {}

AccessLogEntry LocalClient::new_entry(std::string_view operation, const WrapContext* context) {
  AccessLogEntry entry = local::stamped_entry(*clock_, *random_, operation, location_.name);
  if (context != nullptr) entry.context = to_pairs(*context);
  return entry;
}

// Whoever first sees that the date has come wipes the material, if nobody holds the locks just now.
void LocalClient::destroy_when_due() {
  const Deadline at_once = Deadline::after(*clock_, std::chrono::nanoseconds::zero());
  const auto lock = directory_.hold(at_once);
  if (!lock) return;
  const Status done =
      destroy_if_due(directory_, access_log_, location_.name, *clock_, *random_, at_once);
  if (!done) log::warning("LOCAL KMS: " + done.error().message());
}

template <typename T, typename Work>
Result<T> LocalClient::answer_from_key(AccessLogEntry& entry, bool& due, Work work) {
  const auto key = directory_.load(location_.name);
  if (!key) return refuse(key.error(), entry);
  due = deletion_due(*key, entry.time);
  if (due || key->state == local::State::destroyed) {
    return refuse(Fault::not_found, refusal(location_.name, *key), entry);
  }
  return work(*key, entry);
}

template <typename T, typename Work>
Result<T> LocalClient::answer_locked(AccessLogEntry& entry, bool& due, Deadline deadline,
                                     Work work) {
  const auto lock = directory_.share(deadline);
  if (!lock) return refuse_unlogged(fault_of(lock.error().code()), lock.error().message());
  Result<T> result = answer_from_key<T>(entry, due, std::move(work));
  entry.outcome = result ? "ok" : fault_name(result.error().fault());
  const Status logged = access_log_.append(entry, false, deadline);
  if (logged) return result;
  // A refusal is given in any case: it lets nobody in.
  if (!result) return refuse_unlogged(result.error().fault(), result.error().message());
  return refuse_unlogged(Fault::unavailable,
                         "the access log cannot be written: " + logged.error().message());
}

template <typename T, typename Work>
Result<T> LocalClient::answer(std::string_view operation, const WrapContext* context,
                              Deadline deadline, Work work) {
  AccessLogEntry entry = new_entry(operation, context);
  if (deadline.expired(*clock_)) {
    return refuse_unlogged(Fault::unavailable, "the deadline passed before the request");
  }
  if (context != nullptr) {
    const Status valid = check_context(*context);
    if (!valid) return refuse_unlogged(Fault::configuration, valid.error().message());
  }
  bool due = false;
  Result<T> result = answer_locked<T>(entry, due, deadline, std::move(work));
  if (due) destroy_when_due();
  return result;
}

// A rotation that was killed may have left its new version in the kernel's memory only: what that
// wrapped would be lost with it. Unwrapping needs no such care.
Result<void> LocalClient::ensure_durable(const AccessLogEntry& entry) const {
  const Status durable = directory_.make_durable();
  if (!durable) return refuse(Fault::unavailable, durable.error().message(), entry);
  return {};
}

Result<WrappedKey> LocalClient::wrap(const crypto::Key256& key, const WrapContext& context,
                                     Deadline deadline) {
  return answer<WrappedKey>("wrap", &context, deadline,
                            [&](const KeyFile& file, AccessLogEntry& entry) -> Result<WrappedKey> {
                              KEYHOLD_TRY(check_enabled(location_.name, file, entry));
                              KEYHOLD_TRY(ensure_durable(entry));
                              return wrap_with(file, key, context, *random_, entry);
                            });
}

Result<UnwrappedKey> LocalClient::unwrap_as(std::string_view operation, ByteView ciphertext,
                                            const WrapContext& context, Deadline deadline) {
  return answer<UnwrappedKey>(
      operation, &context, deadline,
      [&](const KeyFile& file, AccessLogEntry& entry) -> Result<UnwrappedKey> {
        KEYHOLD_TRY(check_enabled(location_.name, file, entry));
        return unwrap_with(file, ciphertext, context, entry);
      });
}

Result<UnwrappedKey> LocalClient::unwrap(ByteView ciphertext, const WrapContext& context,
                                         Deadline deadline) {
  return unwrap_as("unwrap", ciphertext, context, deadline);
}

Result<KeyDescription> LocalClient::describe(Deadline deadline) {
  return answer<KeyDescription>("describe", nullptr, deadline, describe_from);
}

Result<std::string> LocalClient::probe(ByteView ciphertext, const WrapContext& context,
                                       Deadline deadline) {
  KEYHOLD_TRY_ASSIGN(const UnwrappedKey unwrapped,
                     unwrap_as("probe", ciphertext, context, deadline));
  return unwrapped.request_id;
}

}  // namespace keyhold::kms
