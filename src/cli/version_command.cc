#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/version.h"
#include "crypto/aead.h"

namespace keyhold::cli {

Command version_command() {
  Command command;
  command.name = "version";
  command.summary = "Print the version, the formats it knows and the encryption back end in use";
  command.json = {{"version", "of this program"},
                  {"store_format", "the newest format that it reads and writes"},
                  {"aead_backend", "what encrypts: openssl or ipsec-mb"}};
  command.run = [](Session& session) -> Status {
    const auto backend = crypto::aead_backend().name;
    Json json = Json::object();
    json.set("version", kVersion).set("store_format", kStoreFormat).set("aead_backend", backend);
    return session.output.result(
        json, fmt::format("keyhold {}\nstore format {}\nAEAD back end {}\n", kVersion, kStoreFormat,
                          backend));
  };
  return command;
}

}  // namespace keyhold::cli
