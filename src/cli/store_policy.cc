#include "cli/store_policy.h"

#include <utility>

#include <fmt/core.h>

#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/text_table.h"
#include "host/store_status.h"

namespace keyhold::cli {
namespace {

using format::Policy;
using host::LoadedPolicy;
using host::PolicyState;

double seconds_of(format::nanoseconds span) {
  return std::chrono::duration<double>(span).count();
}

std::int64_t milliseconds_of(format::nanoseconds span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

struct Shown {
  LoadedPolicy loaded;
  bool verified = false;
};

// A running host goes on with what it has verified, whatever becomes of the file.
void tell_of_the_host(Session& session, const host::StoreStatus& status) {
  if (!status.host || !status.host->policy) return;
  const PolicyState running = status.host->policy->state;
  if (running == status.policy.state) return;
  session.output.event(
      log::Level::warning,
      running == PolicyState::tampered
          ? "the running host found the policy tampered with, and goes by the strictest one until "
            "it restarts or a policy is set"
          : "the running host goes by the policy that it verified, until it restarts");
}

Result<Shown> find_policy(Session& session, const std::string& store, bool verify) {
  if (verify) {
    KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, store));
    KEYHOLD_TRY_ASSIGN(LoadedPolicy loaded, keys->policy());
    return Shown{.loaded = std::move(loaded), .verified = true};
  }
  KEYHOLD_TRY_ASSIGN(host::StoreStatus status, host::describe_store(machine(), store));
  tell_of_the_host(session, status);
  return Shown{.loaded = std::move(status.policy), .verified = status.policy_verified};
}

std::string heading(const Shown& shown) {
  const LoadedPolicy& loaded = shown.loaded;
  const std::string_view not_verified =
      "not verified, for no host has the key ring open (--verify asks the KMS)";
  switch (loaded.state) {
    case PolicyState::tampered:
      return "# TAMPERED WITH: what follows is the strictest policy, which rules instead\n";
    case PolicyState::defaults:
      return fmt::format("# no policy was set: the defaults rule{}{}\n", shown.verified ? "" : "; ",
                         shown.verified ? "" : not_verified);
    default:
      return fmt::format("# version {}, {}\n", loaded.version,
                         shown.verified ? "verified" : not_verified);
  }
}

// {"lease": {"grace": "1h" …} …}
Json values_json(const Policy& policy) {
  Json tables = Json::object();
  Json table = Json::object();
  std::string name;
  for (const std::string& key : format::policy_keys()) {
    const std::size_t dot = key.find('.');
    if (name != key.substr(0, dot)) {
      if (!name.empty()) tables.set(name, std::exchange(table, Json::object()));
      name = key.substr(0, dot);
    }
    table.set(key.substr(dot + 1), *format::policy_value(policy, key));
  }
  return tables.set(name, table);
}

Json to_json(const Shown& shown) {
  const LoadedPolicy& loaded = shown.loaded;
  Json json = Json::object();
  json.set("state", host::policy_state_name(loaded.state))
      .set("version", loaded.version)
      .set("verified", shown.verified)
      .set("policy", values_json(loaded.policy))
      .set("denial_bound_ms", milliseconds_of(format::denial_bound(loaded.policy)));
  if (!loaded.problem.empty()) json.set("problem", loaded.problem);
  return json;
}

Status get(Session& session, const std::string& store, const std::vector<std::string>& keys,
           bool verify) {
  if (keys.size() > 1) return fail(Code::invalid_argument, "name one key, or none for all");
  for (const std::string& key : keys) KEYHOLD_TRY(format::policy_value(Policy(), key));
  KEYHOLD_TRY_ASSIGN(const Shown shown, find_policy(session, store, verify));
  const LoadedPolicy& loaded = shown.loaded;
  const bool as_it_stands = loaded.state == PolicyState::set;
  std::string text =
      heading(shown) + (as_it_stands ? loaded.text : format::serialize_policy(loaded.policy));
  if (!keys.empty()) text = *format::policy_value(loaded.policy, keys.front());
  if (!text.ends_with('\n')) text += '\n';
  KEYHOLD_TRY(session.output.result(to_json(shown), text));
  if (loaded.state != PolicyState::tampered) return {};
  return fail(Code::integrity, loaded.problem);
}

Status apply(Policy& policy, const std::vector<std::string>& settings) {
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) {
      return fail(Code::invalid_argument, setting + ": write it as KEY=VALUE");
    }
    KEYHOLD_TRY(format::set_policy_value(policy, std::string_view(setting).substr(0, equals),
                                         std::string_view(setting).substr(equals + 1)));
  }
  return {};
}

Status set(Session& session, const std::string& store, const std::vector<std::string>& settings,
           bool reset) {
  if (settings.empty() && !reset) {
    return fail(Code::invalid_argument, "say what to set, as lease.grace=2h, or --reset");
  }
  Policy next;
  KEYHOLD_TRY(apply(next, settings));  // before the KMS is asked
  KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, store));
  KEYHOLD_TRY_ASSIGN(const LoadedPolicy current, keys->policy());
  if (!reset) {
    if (current.state == PolicyState::tampered) return fail(Code::integrity, current.problem);
    next = current.policy;
    KEYHOLD_TRY(apply(next, settings));
  }
  KEYHOLD_TRY(format::check_policy(next));
  return change_policy(session, *keys, current, format::serialize_policy(next));
}

}  // namespace

Status change_policy(Session& session, host::StoreKeys& keys, const LoadedPolicy& current,
                     const std::string& text) {
  KEYHOLD_TRY_ASSIGN(const Policy next, format::parse_policy(as_bytes(text), "policy.toml"));
  KEYHOLD_TRY_ASSIGN(const std::uint64_t version, keys.set_policy(text, current.version));
  const auto bound = format::denial_bound(next);
  const auto differences = format::policy_differences(current.policy, next);
  Json changes = Json::array();
  std::string told = fmt::format("policy version {} rules from now on\n", version);
  for (const std::string& difference : differences) {
    changes.add(difference);
    told += "  " + difference + "\n";
  }
  told += fmt::format("a denial in the KMS seals within {:.1f} s\n", seconds_of(bound));
  if (bound > format::kDenialPromise) {
    session.output.event(
        log::Level::warning,
        fmt::format("with this policy a store may serve for {:.1f} s after the KMS's first denial, "
                    "longer than the {:.0f} s that Keyhold promises",
                    seconds_of(bound), seconds_of(format::kDenialPromise)));
  }
  return session.output.result(Json::object()
                                   .set("version", version)
                                   .set("changes", changes)
                                   .set("denial_bound_ms", milliseconds_of(bound)),
                               told);
}

namespace {

Command get_command() {
  struct Arguments {
    std::string store;
    std::vector<std::string> keys;
    bool verify = false;
  };
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "get";
  command.summary = "Show the policy that rules, and whether it is verified";
  command.paragraphs = {
      "Without KEY the whole file, else one value. Needs no KMS: a running host says what it "
      "verified when it opened the key ring; without one, the file is compared to a key ring that "
      "nobody has authenticated yet, unless --verify opens it. A file that is not what was set "
      "counts for nothing: then the strictest policy is shown, and the exit status is 5."};
  command.arguments = {
      directory(given->store, "the store"), texts("KEY", given->keys, "such as lease.grace"),
      flag("--verify", given->verify, "open the key ring for it, which asks the KMS")};
  command.examples = {{"keyhold store policy get /srv/store", ""},
                      {"keyhold store policy get /srv/store lease.grace", "one value"}};
  command.json = {
      {"state", "\"defaults\", \"set\" or \"tampered\""},
      {"version", "as the key ring pins it; 0: none was set"},
      {"verified", "whether an open key ring says so"},
      {"policy.lease, policy.alerts, policy.engine", "every key and its value, as 'set' takes it"},
      {"denial_bound_ms", "from the KMS's first denial to the seal, at most"},
      {"problem", "what is wrong and what to do; only where tampered"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [given](Session& session) {
    return get(session, given->store, given->keys, given->verify);
  };
  return command;
}

Command set_command() {
  struct Arguments {
    std::string store;
    std::vector<std::string> settings;
    bool reset = false;
  };
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "set";
  command.summary = "Change values of the policy";
  command.paragraphs = {
      "Writes the file anew, without comments of your own ('edit' keeps them). Says within how "
      "many seconds a denial seals from now on, and warns where that is more than the 10 s that "
      "Keyhold promises. A running host goes by it at once. --reset begins from the defaults; it "
      "is also the way out of a policy that was tampered with."};
  command.arguments = {directory(given->store, "the store"),
                       texts("KEY=VALUE", given->settings, "such as lease.grace=2h"),
                       flag("--reset", given->reset, "begin from the defaults")};
  command.examples = {
      {"keyhold store policy set /srv/store lease.grace=0", "no grace in an outage"},
      {"keyhold store policy set --reset /srv/store", "back to the defaults"}};
  command.json = {{"version", "of the new policy"},
                  {"changes[]", "\"KEY OLD → NEW\""},
                  {"denial_bound_ms", "from the KMS's first denial to the seal, at most"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [given](Session& session) {
    return set(session, given->store, given->settings, given->reset);
  };
  return command;
}

}  // namespace

Command store_policy_command() {
  Command command;
  command.name = "policy";
  command.summary = "Show and change the clocks and rules of a store's lease (policy.toml)";
  command.paragraphs = {
      "The customer's terms: how soon a denial seals, how long an outage of the KMS is borne, who "
      "is told. The file lies in STORE/.keyhold/policy.toml; the key ring pins its bytes, so that "
      "nobody who merely writes to the disk can stretch the grace. The keys and their defaults:"};
  std::vector<std::vector<std::string>> rows = {{"KEY", "DEFAULT"}};
  for (const std::string& key : format::policy_keys()) {
    rows.push_back({key, *format::policy_value(Policy(), key)});
  }
  command.listing = text_table(rows);
  command.examples = {{"keyhold store policy get /srv/store", ""}};
  command.subcommands = {get_command(), set_command(), store_policy_edit_command()};
  return command;
}

}  // namespace keyhold::cli
