#include "host/store_status.h"

#include <algorithm>
#include <utility>

#include "audit/log.h"
#include "crypto/aead.h"
#include "host/config.h"
#include "host/control_client.h"
#include "host/host_parts.h"
#include "host/layout.h"
#include "host/recording_client.h"

namespace keyhold::host {
namespace {

void describe_anchor(io::FileSystem& files, const StoreLayout& layout, StoreStatus& status) {
  const auto config = read_config(files, layout);
  if (!config) {
    status.anchor_problem = config.error().message();
  } else if (!*config) {
    status.anchor_problem = layout.config + " is missing";
  } else {
    status.anchor_path = (*config)->parsed.config.anchor_path;
  }
}

Result<HostStatus> ask_host(const StoreLayout& layout, const Clock& clock, nanoseconds timeout) {
  const ControlClient client{.layout = layout, .clock = clock};
  KEYHOLD_TRY_ASSIGN(const auto reply,
                     expect_reply<format::StatusReply>(
                         client.ask(format::StatusRequest{}, Deadline::after(clock, timeout))));
  return host_status_from_json(reply.json);
}

void describe_host(const StoreLayout& layout, const Clock& clock, nanoseconds timeout,
                   StoreStatus& status) {
  auto host = ask_host(layout, clock, timeout);
  if (host) {
    status.aead_backend = host->aead_backend;
    status.secret_memory = host->secret_memory;
    status.host = *std::move(host);
    return;
  }
  if (host.error().code() != Code::not_found) status.host_problem = host.error().message();
  status.aead_backend = crypto::aead_backend().name;
  status.secret_memory = crypto::secret_memory_use();
}

// Without a host, the pin is as good as a key ring that nobody has authenticated.
void describe_policy(io::FileSystem& files, const StoreLayout& layout, StoreStatus& status) {
  status.policy_verified = status.host && status.host->policy;
  status.policy = read_policy(
      files, layout,
      status.policy_verified ? status.host->policy->pin : status.keyring.contents.policy);
}

KmsAnswer ask_lockbox(const keyring::Lockbox& lockbox, const ClientFactory& clients,
                      Deadline deadline) {
  KmsAnswer answer{.spec = lockbox.spec, .key = {}, .unwraps = false, .error = {}};
  const auto client = clients(lockbox.spec);
  if (!client) {
    answer.error = client.error();
    return answer;
  }
  auto key = (*client)->describe(deadline);
  if (key) answer.key = *key;
  const auto probed = (*client)->probe(lockbox.wrapped, lockbox.context, deadline);
  answer.unwraps = probed.has_value();
  if (!key)
    answer.error = key.error();
  else if (!probed)
    answer.error = probed.error();
  return answer;
}

// By the host's own word. One that has not probed a lockbox yet, or waits for its KMS, says what it
// last heard of any.
KmsAnswer answer_of_host(const HostStatus& host, const keyring::Lockbox& lockbox) {
  KmsAnswer answer{.spec = lockbox.spec, .key = {}, .unwraps = false, .error = {}};
  const auto known = std::ranges::find_if(
      host.kms, [&](const KmsAnswer& candidate) { return candidate.spec.uri == lockbox.spec.uri; });
  if (known != host.kms.end()) {
    answer = *known;
    answer.spec = lockbox.spec;
  } else if (host.last_kms_problem.empty()) {
    answer.unwraps = true;
  } else {
    const auto fault = host.last_kms_denied ? kms::Fault::denied : kms::Fault::unavailable;
    answer.error.emplace(fault, host.last_kms_problem);
  }
  return answer;
}

void ask_kms(const Environment& environment, const StoreLayout& layout, StatusOptions options,
             StoreStatus& status) {
  ClientFactory clients = clients_or_default(std::move(options.clients), environment);
  // Whoever may not write the log, looks at the store from outside.
  const auto log = audit::Log::open(environment.files, environment.clock, layout.audit);
  if (log) clients = recording(std::move(clients), **log);
  for (const keyring::Lockbox& lockbox : status.keyring.contents.lockboxes) {
    status.kms.push_back(
        ask_lockbox(lockbox, clients, Deadline::after(environment.clock, options.kms_timeout)));
  }
}

}  // namespace

Result<StoreStatus> describe_store(const Environment& environment, const std::string& store_path,
                                   StatusOptions options) {
  const StoreLayout layout(store_path);
  StoreStatus status;
  status.path = store_path;
  auto inspection = keyring::KeyRing::inspect(environment.files, layout.directory);
  if (!inspection) return fail(inspection.error().within("store " + store_path));
  status.keyring = *std::move(inspection);
  describe_anchor(environment.files, layout, status);
  describe_host(layout, environment.clock, options.host_timeout, status);
  describe_policy(environment.files, layout, status);
  if (!options.ask_kms) return status;
  if (!status.host) {
    ask_kms(environment, layout, std::move(options), status);
    return status;
  }
  for (const keyring::Lockbox& lockbox : status.keyring.contents.lockboxes) {
    status.kms.push_back(answer_of_host(*status.host, lockbox));
  }
  return status;
}

}  // namespace keyhold::host
