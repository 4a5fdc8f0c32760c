#include "host/store_status.h"

#include <utility>

#include "crypto/aead.h"
#include "host/config.h"
#include "host/control_client.h"
#include "host/host_parts.h"
#include "host/layout.h"

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
  const ClientFactory clients = clients_or_default(std::move(options.clients), environment);
  for (const keyring::Lockbox& lockbox : status.keyring.contents.lockboxes) {
    status.kms.push_back(
        ask_lockbox(lockbox, clients, Deadline::after(environment.clock, options.kms_timeout)));
  }
  return status;
}

}  // namespace keyhold::host
