// A host's audit log without the host, for the scripts of `keyhold audit`.
//
//   audit_tool make STORE KEY-URI N   makes STORE/.keyhold with a key ring and a log: its wrap and
//                                     unwrap, a start, N probes, a stop
//   audit_tool live STORE N           the next host: an unwrap, a start, N probes, a stop
//   audit_tool killed STORE N         the same, but it dies after the probes
#include <iostream>
#include <string>
#include <vector>

#include <unistd.h>

#include "audit/log.h"
#include "crypto/random.h"
#include "host/layout.h"
#include "host/recording_client.h"
#include "io/file_system.h"
#include "keyring/keyring.h"
#include "kms/client.h"

namespace keyhold {
namespace {

keyring::Environment machine() {
  return {io::posix_file_system(), system_clock(), crypto::system_random()};
}

Deadline soon() {
  return Deadline::after(system_clock(), std::chrono::seconds(10));
}

kms::Result<std::unique_ptr<kms::Client>> plain_client(const kms::KeySpec& spec,
                                                       const kms::Caller& caller) {
  return kms::make_client(spec, caller, system_clock(), crypto::system_random());
}

audit::Record event(std::string_view name) {
  audit::Record record;
  record.event = name;
  return record;
}

template <typename T>
Result<T> ours(kms::Result<T> result) {
  if (result) return *std::move(result);
  return fail(result.error().to_error());
}

Result<std::unique_ptr<audit::Log>> open_log(const std::string& store) {
  return audit::Log::open(io::posix_file_system(), system_clock(), host::StoreLayout(store).audit);
}

Status serve(audit::Log& log, keyring::KeyRing& ring, int probes, bool killed) {
  KEYHOLD_TRY(log.unseal(event(audit::events::kStart), host::audit_signer(ring)));
  const keyring::Lockbox lockbox = ring.contents().lockboxes.front();
  KEYHOLD_TRY_ASSIGN(const auto client, ours(host::recording(plain_client, log)(lockbox.spec, {})));
  for (int i = 0; i < probes; ++i) {
    // A refusal is what some scripts want to see in the log.
    static_cast<void>(client->probe(lockbox.wrapped, lockbox.context, soon()));
  }
  if (killed) ::_exit(0);
  log.seal(event(audit::events::kStop));
  return {};
}

Status make(const std::string& store, const std::string& uri, int probes) {
  io::FileSystem& files = io::posix_file_system();
  KEYHOLD_TRY(files.make_directory(store, 0700));
  KEYHOLD_TRY(files.make_directory(host::StoreLayout(store).directory, 0700));
  KEYHOLD_TRY_ASSIGN(const auto log, open_log(store));
  kms::KeySpec spec;
  spec.type = kms::KeyType::local;
  spec.uri = KeyUri(uri);
  KEYHOLD_TRY_ASSIGN(const auto client, ours(host::recording(plain_client, *log)(spec, {})));
  const keyring::Identity identity{.org = OrgId("acme"),
                                   .cluster = ClusterId("orders"),
                                   .region = RegionName("eu-1"),
                                   .node = NodeId("n1")};
  KEYHOLD_TRY_ASSIGN(const auto ring,
                     keyring::KeyRing::create(machine(), host::StoreLayout(store).directory,
                                              identity, {}, *client, soon()));
  return serve(*log, *ring, probes, false);
}

Status live(const std::string& store, int probes, bool killed) {
  KEYHOLD_TRY_ASSIGN(const auto log, open_log(store));
  KEYHOLD_TRY_ASSIGN(const auto ring,
                     keyring::KeyRing::open(machine(), host::StoreLayout(store).directory,
                                            host::recording(plain_client, *log), soon()));
  return serve(*log, *ring, probes, killed);
}

Status run(const std::vector<std::string>& words) {
  if (words.size() == 4 && words[0] == "make") return make(words[1], words[2], std::stoi(words[3]));
  if (words.size() == 3 && (words[0] == "live" || words[0] == "killed")) {
    return live(words[1], std::stoi(words[2]), words[0] == "killed");
  }
  return fail(Code::invalid_argument, "see the head of audit_tool.cc");
}

}  // namespace
}  // namespace keyhold

int main(int argc, char** argv) {
  const auto status = keyhold::run({argv + 1, argv + argc});
  if (status) return 0;
  std::cerr << "audit_tool: " << status.error().message() << "\n";
  return keyhold::exit_status(status.error().code());
}
