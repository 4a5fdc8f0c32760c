#include "host/store_status.h"

#include <algorithm>
#include <utility>

#include "audit/log.h"
#include "base/log.h"
#include "crypto/aead.h"
#include "format/keyring_anchor.h"
#include "host/config.h"
#include "host/control_client.h"
#include "host/host_parts.h"
#include "host/layout.h"
#include "host/recording_client.h"
#include "keyring/anchor.h"

namespace keyhold::host {
namespace {

constexpr std::chrono::seconds kLogPatience{1};

// Nothing where the store has none.
using MaybeAnchor = std::optional<format::AnchorRecord>;

Result<MaybeAnchor> read_anchor(io::FileSystem& files, const StoreLayout& layout,
                                std::string& path) {
  KEYHOLD_TRY_ASSIGN(const auto config, read_config(files, layout));
  if (!config) {
    return fail(Code::integrity, "anchor unknown: " + layout.config + " is missing");
  }
  path = config->parsed.config.anchor_path;
  if (path.empty()) return std::nullopt;
  const auto bytes = keyring::FileAnchor(files, path).load();
  if (!bytes) return fail(bytes.error().within("the anchor cannot be read"));
  if (!*bytes) {
    return fail(Code::rollback, "ANCHOR MISSING: " + path +
                                    " is not there, so an older key ring would not be noticed");
  }
  auto record = format::parse_anchor(**bytes);
  if (!record) return fail(record.error().within("the anchor " + path));
  return *std::move(record);
}

// What needs no key: whose anchor it is, and how far it has come.
Status judge(const MaybeAnchor& anchor, const keyring::Contents& found, const std::string& path) {
  if (!anchor) return {};
  if (anchor->store != found.store) {
    return fail(Code::wrong_key,
                "OF ANOTHER STORE: the anchor " + path + " is that of " + anchor->store.hex());
  }
  if (anchor->sequence <= found.sequence) return {};
  return fail(Code::rollback, "ROLLED BACK: the key ring is at sequence " +
                                  std::to_string(found.sequence) + ", its anchor " + path + " at " +
                                  std::to_string(anchor->sequence));
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
  const auto client = clients(lockbox.spec, kms::caller_of(lockbox.context));
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

// A log that is held for one record at a time, so that a host that starts meanwhile finds it free.
class BriefLog {
 public:
  BriefLog(const Environment& environment, const StoreLayout& layout)
      : environment_(environment), layout_(layout) {}

  void append(audit::Record record) {
    if (given_up_) return;
    audit::LogOptions options;
    options.lock_patience = kLogPatience;
    options.expects_past = true;
    const auto log =
        audit::Log::open(environment_.files, environment_.clock, layout_.audit, options);
    if (log) return (*log)->append(std::move(record));
    given_up_ = true;
    // Whoever may not write the log looks at the store from outside; a host is one that came since.
    if (log.error().code() == Code::busy) {
      log::info("what is asked of the KMS here is not recorded: " + log.error().message());
    }
  }

 private:
  const Environment& environment_;
  const StoreLayout& layout_;
  bool given_up_ = false;
};

void ask_kms(const Environment& environment, const StoreLayout& layout, StatusOptions options,
             StoreStatus& status) {
  BriefLog log(environment, layout);
  const ClientFactory clients =
      recording(clients_or_default(std::move(options.clients), environment),
                [&log](audit::Record record) { log.append(std::move(record)); });
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
  // Before the key ring: a host that writes both meanwhile raises the anchor last.
  const auto anchor = read_anchor(environment.files, layout, status.anchor_path);
  auto inspection = keyring::KeyRing::inspect(environment.files, layout.directory);
  if (!inspection) return fail(inspection.error().within("store " + store_path));
  status.keyring = *std::move(inspection);
  const Status judged =
      anchor ? judge(*anchor, status.keyring.contents, status.anchor_path) : fail(anchor.error());
  if (!judged) status.anchor_problem = judged.error();
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
