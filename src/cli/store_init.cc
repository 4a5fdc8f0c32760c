#include <array>

#include <fmt/core.h>
#include <unistd.h>

#include "cli/kms_flags.h"
#include "cli/missing_key.h"
#include "cli/nesting.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "cli/units.h"
#include "host/initialise.h"

namespace keyhold::cli {
namespace {

struct Arguments {
  std::string store;
  KmsFlags kms;
  std::string org = "default";
  std::string cluster = "default";
  std::string region = "default";
  std::string node;
  std::string anchor;
  std::chrono::milliseconds rotate_after = std::chrono::hours(24 * 30);
  std::uint64_t rotate_after_bytes = 0;
};

// A key ring holds 4096 generations: below this, 256 GiB of writes would fill it.
constexpr std::uint64_t kLeastRotationBytes = std::uint64_t{64} << 20;

Status check_rotation(std::uint64_t bytes) {
  if (bytes == 0 || bytes >= kLeastRotationBytes) return {};
  return fail(Code::invalid_argument,
              "--rotate-after-bytes " + format_bytes(bytes) + " is below the least, " +
                  format_bytes(kLeastRotationBytes) +
                  ": a key ring holds 4096 generations, and would soon be full");
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0') return "node";
  return name.data();
}

host::StorePlan plan_of(const Arguments& given, kms::KeySpec key) {
  host::StorePlan plan;
  plan.identity = {OrgId(given.org), ClusterId(given.cluster), RegionName(given.region),
                   NodeId(given.node.empty() ? host_name() : given.node)};
  plan.key = std::move(key);
  plan.rotation.age = std::chrono::ceil<std::chrono::seconds>(given.rotate_after);
  plan.rotation.bytes = given.rotate_after_bytes;
  plan.anchor_path = given.anchor;
  return plan;
}

Json to_json(const Arguments& given, const host::StorePlan& plan, const StoreId& id) {
  Json json = Json::object();
  json.set("store", given.store).set("store_id", id.hex());
  json.set("org", plan.identity.org.str()).set("cluster", plan.identity.cluster.str());
  json.set("region", plan.identity.region.str()).set("node", plan.identity.node.str());
  json.set("kms_type", kms::key_type_name(plan.key.type)).set("kms_uri", plan.key.uri.str());
  json.set("rotate_after_seconds", plan.rotation.age.count());
  json.set("rotate_after_bytes", plan.rotation.bytes);
  return json.set("anchor", given.anchor.empty() ? Json() : Json(given.anchor));
}

std::string to_text(const Arguments& given, const host::StorePlan& plan, const StoreId& id) {
  std::string rotation =
      plan.rotation.age.count() == 0 ? "" : "every " + format_duration(plan.rotation.age);
  if (plan.rotation.bytes > 0) {
    rotation += (rotation.empty() ? "after " : " or after ") + format_bytes(plan.rotation.bytes);
  }
  std::string text = fmt::format("made a store in {}\n", given.store);
  text += fmt::format("  id        {}\n", id.hex());
  text += fmt::format("  CMEK      {} {}\n", kms::key_type_name(plan.key.type), plan.key.uri.str());
  text += fmt::format("  rotation  a new DEK {}\n", rotation.empty() ? "only on demand" : rotation);
  text += fmt::format("  rollback  {}\n",
                      given.anchor.empty() ? "not detected (no --anchor)"
                                           : "looked for at every open, against " + given.anchor);
  return text;
}

Status init(Session& session, const Arguments& given) {
  KEYHOLD_TRY(check_rotation(given.rotate_after_bytes));
  KEYHOLD_TRY_ASSIGN(auto key, given.kms.to_spec());
  const auto plan = plan_of(given, std::move(key));
  KEYHOLD_TRY(refuse_inside_store_or_kms(given.store));
  KEYHOLD_TRY(refuse_anchor_in_store(given.anchor, given.store));
  const host::nanoseconds timeout(session.settings.kms_deadline);
  const auto id = host::initialise_store(machine(), given.store, plan, {}, timeout);
  if (!id)
    return fail(explain_refusal(id.error(), plan.key, keyring::caller_of(plan.identity), timeout));
  return session.output.result(to_json(given, plan, *id), to_text(given, plan, *id));
}

}  // namespace

Command store_init_command() {
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "init";
  command.summary = "Make a store whose keys hang from a customer's key";
  command.paragraphs = {
      "The directory is made, or empty: a store takes no plaintext in. The names of organization, "
      "cluster, region and node are bound to every key; they cannot be changed later.",
      "An anchor is a small file outside the store's disk (on another machine's, best of all) that "
      "remembers how far the key ring had come. Without one, an older copy of the key ring put in "
      "place of the present one is not noticed."};
  command.arguments = {directory(given->store, "where to make it")};
  for (Argument& argument : given->kms.arguments(true)) {
    command.arguments.push_back(std::move(argument));
  }
  const auto own = [&command](Argument argument) {
    command.arguments.push_back(std::move(argument));
  };
  own(text("--org", "NAME", given->org, "whose data this is (default \"default\")"));
  own(text("--cluster", "NAME", given->cluster, "its cluster (default \"default\")"));
  own(text("--region", "NAME", given->region, "its region (default \"default\")"));
  own(text("--node", "NAME", given->node, "its node (default: this machine's name)"));
  own(path("--anchor", "FILE", given->anchor, "detect rollback by this file"));
  own(duration("--rotate-after", given->rotate_after,
               "a new DEK this often; 0: never (default 30d)"));
  own(bytes("--rotate-after-bytes", given->rotate_after_bytes,
            "a new DEK after this much data, at least 64MiB; 0: never (default 0)"));
  command.examples = {
      {"keyhold store init /srv/store --kms-uri local:///srv/customer-kms/orders", ""},
      {"keyhold store init /srv/store --kms-uri local:///srv/customer-kms/orders --cluster orders "
       "--region us-east-1 --anchor /mnt/elsewhere/orders.anchor",
       "with names and an anchor"}};
  command.json = {{"store", "its directory"},
                  {"store_id", "32 hexadecimal digits"},
                  {"org, cluster, region, node", "its names"},
                  {"kms_type, kms_uri", "its CMEK"},
                  {"rotate_after_seconds", "a new DEK this often; 0: not by age"},
                  {"rotate_after_bytes", "a new DEK after so much data; 0: not by volume"},
                  {"anchor", "the anchor's file, or null"}};
  command.exit_statuses = {3, 4, 6, 7};
  command.run = [given](Session& session) { return init(session, *given); };
  return command;
}

}  // namespace keyhold::cli
