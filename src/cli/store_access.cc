#include "cli/store_access.h"

#include "base/log.h"
#include "crypto/random.h"
#include "host/layout.h"
#include "io/file_system.h"

namespace keyhold::cli {

namespace {

void tell_repairs(Session& session, host::Host& host) {
  const keyring::Health health = host.ring().health();
  for (const std::string& copy : health.repaired_copies) {
    session.output.event(log::Level::warning, copy +
                                                  " was not whole and was written anew from the "
                                                  "other copy of the key ring: watch this disk");
  }
  for (const std::string& problem : health.lockbox_problems) {
    session.output.event(log::Level::warning, problem);
  }
}

}  // namespace

host::Environment machine() {
  return {io::posix_file_system(), system_clock(), crypto::system_random()};
}

host::HostOptions host_options(const Settings& settings) {
  host::HostOptions options;
  options.retry.wait =
      settings.kms_wait == kWaitForever ? host::kForever : host::nanoseconds(settings.kms_wait);
  options.kms_timeout = settings.kms_deadline;
  options.program = "keyhold";
  return options;
}

Result<std::unique_ptr<host::StoreKeys>> attach(Session& session, const std::string& store) {
  KEYHOLD_TRY_ASSIGN(auto keys,
                     host::attach(machine(), store, {.host = host_options(session.settings)}));
  if (auto* host = dynamic_cast<host::Host*>(keys.get())) tell_repairs(session, *host);
  return keys;
}

Result<std::string> find_store(const std::string& path) {
  for (std::string folder = path;; folder = io::parent_path(folder)) {
    const host::StoreLayout layout(folder);
    KEYHOLD_TRY_ASSIGN(const bool found, io::exists(io::posix_file_system(), layout.directory));
    if (found) return folder;
    if (folder == "/") return fail(Code::not_found, path + " lies in no store");
  }
}

Result<OpenStore> open_store(Session& session, const std::string& root) {
  OpenStore opened;
  KEYHOLD_TRY_ASSIGN(opened.keys, attach(session, root));
  opened.files = std::make_unique<store::Store>(io::posix_file_system(), *opened.keys,
                                                crypto::system_random(), root);
  return opened;
}

}  // namespace keyhold::cli
