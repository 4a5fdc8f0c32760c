#include "agent/agent.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/store_access.h"

namespace keyhold::cli {
namespace {

struct Arguments {
  std::string store;
  std::string metrics;
  std::chrono::milliseconds stop_timeout = std::chrono::seconds(60);
  std::vector<std::string> engine;
};

Status run_agent(Session& session, const Arguments& given) {
  agent::AgentOptions options;
  options.store_path = given.store;
  options.host = host_options(session.settings);
  options.engine = given.engine;
  options.metrics_address = given.metrics;
  options.stop_timeout = given.stop_timeout;
  KEYHOLD_TRY_ASSIGN(session.exit_status, agent::run_agent(machine(), std::move(options)));
  return {};
}

}  // namespace

Command agent_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "agent";
  command.summary = "Be a store's host, and run its engine for as long as the KMS allows";
  command.paragraphs = {
      "The agent holds the store's keys, asks the KMS every three seconds whether it still may, "
      "and "
      "lends the keys to plugins and commands over STORE/.keyhold/control.sock. Within 10 s of the "
      "KMS's first denial the engine is killed and every key is wiped; within 10 s of its "
      "permission the keys are back and the engine is started again. An outage shorter than the "
      "policy's grace stops nothing.",
      "ENGINE runs in the foreground, as a child of a small supervisor that kills all of it at a "
      "seal, at the agent's end, or when the agent gives no sign of life for 5 s. When the engine "
      "ends by itself, so does the agent, with its status; SIGTERM and SIGINT let it end well "
      "first. Without ENGINE the agent serves plugins of processes that others start.",
      "At the start, a KMS that denies or does not answer is waited for, and so is "
      "'keyhold store unseal'."};
  command.arguments = {
      required(path("--store", "DIR", given->store, "the store", Completion::directory)),
      text("--metrics", "HOST:PORT", given->metrics,
           "serve /metrics for Prometheus there; port 0: one that is free"),
      duration("--stop-timeout", given->stop_timeout,
               "let the engine take so long to end well (default: 60s)"),
      texts("ENGINE", given->engine, "the engine's program and its arguments, after --")};
  command.examples = {{"keyhold agent --store /srv/store", ""},
                      {"keyhold agent --store /srv/store --metrics 127.0.0.1:9471 -- my-database "
                       "--data /srv/store/db",
                       "an engine whose RocksDB loads the plugin"}};
  command.exit_statuses = {5, 6, 7};
  command.run = [given](Session& session) { return run_agent(session, *given); };
  return command;
}

}  // namespace keyhold::cli
