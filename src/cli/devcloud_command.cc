#include <csignal>
#include <memory>

#include "cli/commands.h"
#include "cli/devcloud_commands.h"
#include "cli/session.h"
#include "crypto/random.h"
#include "devcloud/cloud.h"
#include "io/file_system.h"

namespace keyhold::cli {
namespace {

struct Arguments {
  std::string directory;
  std::string address = "127.0.0.1";
  int port = 0;
  int metadata_port = 0;
};

Result<std::uint16_t> port_of(int number) {
  if (number >= 0 && number <= 65'535) return static_cast<std::uint16_t>(number);
  return fail(Code::invalid_argument, "a port is between 0 and 65535");
}

Status serve(Session& session, const Arguments& given) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  // Before any thread is there, so that none of them gets one.
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  devcloud::CloudOptions options;
  options.address = given.address;
  KEYHOLD_TRY_ASSIGN(options.port, port_of(given.port));
  KEYHOLD_TRY_ASSIGN(options.metadata_port, port_of(given.metadata_port));
  const devcloud::Machine here{io::posix_file_system(), system_clock(), crypto::system_random()};
  KEYHOLD_TRY_ASSIGN(const auto cloud, devcloud::Cloud::start(here, given.directory, options));
  KEYHOLD_TRY(session.output.document(cloud->endpoints_json(), cloud->greeting()));
  int signal = 0;
  sigwait(&ends, &signal);
  return {};
}

}  // namespace

Command devcloud_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "devcloud";
  command.summary = "Be the customer's cloud on loopback, to try Keyhold and to test it";
  command.paragraphs = {
      "Serves AWS KMS and STS, Google's Cloud KMS, OAuth and IAM Credentials, and a Vault over "
      "HTTPS, with a CA of its own, and both clouds' metadata services over plain HTTP, and "
      "enforces what they enforce: signatures, sessions, trust policies, key policies, grants. The "
      "official clients work against it unmodified; what they need is printed as "
      "shell exports and stands in DIR/endpoints.json.",
      "Everything outlives the process: started again on the same DIR it is the same cloud. It "
      "ends "
      "with SIGTERM or SIGINT. It is no place for keys that matter."};
  command.arguments = {
      required(path("--dir", "DIR", given->directory, "where it keeps everything; made where new",
                    Completion::directory)),
      text("--listen", "ADDRESS", given->address, "listen there (default: 127.0.0.1)"),
      number("--port", "PORT", given->port, "serve HTTPS there (default: as last time)"),
      number("--metadata-port", "PORT", given->metadata_port,
             "serve the metadata services there (default: as last time)")};
  command.json = {{"https", "where the services are"},
                  {"metadata", "where the metadata services are, plain HTTP"},
                  {"ca_file", "the CA to trust"},
                  {"admin_token_file", "the bearer token of the admin API"},
                  {"exports", "variables for the official clients"}};
  command.examples = {{"keyhold devcloud --dir /srv/devcloud", ""},
                      {"eval \"$(keyhold devcloud aws setup --dir /srv/devcloud --org acme)\"",
                       "a customer's key, and a role that the cluster may assume"}};
  command.exit_statuses = {5, 7};
  command.subcommands.push_back(devcloud_aws_command());
  command.subcommands.push_back(devcloud_gcp_command());
  command.subcommands.push_back(devcloud_vault_command());
  for (Command& panel : devcloud_panel_commands()) command.subcommands.push_back(std::move(panel));
  command.run = [given](Session& session) { return serve(session, *given); };
  return command;
}

}  // namespace keyhold::cli
