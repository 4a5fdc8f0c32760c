#include "host/recording_client.h"

#include <utility>

namespace keyhold::host {

audit::Record RecordingClient::begin(std::string_view event,
                                     const kms::WrapContext* context) const {
  audit::Record record;
  record.event = event;
  record.key_uri = spec().uri.str();
  if (context == nullptr) return record;
  record.key_id = context->key_id.hex();
  record.kek_version = context->version;
  record.purpose = kms::purpose_name(context->purpose);
  return record;
}

void RecordingClient::refused(audit::Record record, const kms::Error& error) {
  record.outcome = kms::fault_name(error.fault());
  record.request_id = error.request_id();
  record.message = error.message();
  record_(std::move(record));
}

void RecordingClient::answered(audit::Record record, const std::string& request_id,
                               const KeyVersion& version) {
  record.request_id = request_id;
  record.key_version = version.str();
  record_(std::move(record));
}

kms::Result<kms::WrappedKey> RecordingClient::wrap(const crypto::Key256& key,
                                                   const kms::WrapContext& context,
                                                   Deadline deadline) {
  auto wrapped = inner_->wrap(key, context, deadline);
  audit::Record record = begin(audit::events::kWrap, &context);
  if (wrapped) {
    answered(std::move(record), wrapped->request_id, wrapped->key_version);
  } else {
    refused(std::move(record), wrapped.error());
  }
  return wrapped;
}

kms::Result<kms::UnwrappedKey> RecordingClient::unwrap(ByteView ciphertext,
                                                       const kms::WrapContext& context,
                                                       Deadline deadline) {
  auto unwrapped = inner_->unwrap(ciphertext, context, deadline);
  audit::Record record = begin(audit::events::kUnwrap, &context);
  if (unwrapped) {
    answered(std::move(record), unwrapped->request_id, unwrapped->key_version);
  } else {
    refused(std::move(record), unwrapped.error());
  }
  return unwrapped;
}

kms::Result<kms::KeyDescription> RecordingClient::describe(Deadline deadline) {
  auto description = inner_->describe(deadline);
  audit::Record record = begin(audit::events::kDescribe, nullptr);
  if (description) {
    answered(std::move(record), description->request_id, description->primary_version);
  } else {
    refused(std::move(record), description.error());
  }
  return description;
}

kms::Result<std::string> RecordingClient::probe(ByteView ciphertext,
                                                const kms::WrapContext& context,
                                                Deadline deadline) {
  auto request_id = inner_->probe(ciphertext, context, deadline);
  audit::Record record = begin(audit::events::kProbe, &context);
  if (request_id) {
    answered(std::move(record), *request_id, {});
  } else {
    refused(std::move(record), request_id.error());
  }
  return request_id;
}

keyring::ClientFactory recording(keyring::ClientFactory inner, RecordSink record) {
  return [inner = std::move(inner), record = std::move(record)](
             const kms::KeySpec& spec,
             const kms::Caller& caller) -> kms::Result<std::unique_ptr<kms::Client>> {
    KEYHOLD_TRY_ASSIGN(auto client, inner(spec, caller));
    return std::make_unique<RecordingClient>(std::move(client), record);
  };
}

keyring::ClientFactory recording(keyring::ClientFactory inner, audit::Log& log) {
  return recording(std::move(inner),
                   [&log](audit::Record record) { log.append(std::move(record)); });
}

audit::Signer audit_signer(const keyring::KeyRing& ring) {
  return [&ring](ByteView message) -> Result<audit::Signature> {
    KEYHOLD_TRY_ASSIGN(const keyring::KekMac signature, ring.audit_mac(message));
    return audit::Signature{.mac = signature.mac, .kek_version = signature.kek_version};
  };
}

}  // namespace keyhold::host
