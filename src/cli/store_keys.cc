#include <fmt/core.h>

#include "cli/kms_flags.h"
#include "cli/missing_key.h"
#include "cli/session.h"
#include "cli/store_access.h"
#include "cli/store_commands.h"
#include "host/store_status.h"

namespace keyhold::cli {
namespace {

Result<keyring::Contents> contents_of(const std::string& store) {
  KEYHOLD_TRY_ASSIGN(auto status, host::describe_store(machine(), store));
  return std::move(status.keyring.contents);
}

Status rotate(Session& session, const std::string& store, bool kek) {
  KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, store));
  if (!kek) {
    KEYHOLD_TRY_ASSIGN(const Generation generation, keys->rotate_dek());
    return session.output.result(
        Json::object().set("dek_generation", number(generation)),
        fmt::format("DEK generation {} encrypts new files from now on\n", number(generation)));
  }
  KEYHOLD_TRY(keys->rotate_kek());
  KEYHOLD_TRY_ASSIGN(const auto contents, contents_of(store));
  return session.output.result(
      Json::object().set("kek_version", contents.kek_version),
      fmt::format("KEK version {} wraps every DEK from now on\n", contents.kek_version));
}

Status rewrap(Session& session, const std::string& store, const KmsFlags& flags) {
  std::optional<kms::KeySpec> spec;
  if (!flags.empty()) {
    KEYHOLD_TRY_ASSIGN(spec, flags.to_spec());
  }
  KEYHOLD_TRY_ASSIGN(const auto keys, attach(session, store));
  const Status rewrapped = spec ? keys->rewrap_to(*spec) : keys->rewrap();
  if (!rewrapped && spec) {
    KEYHOLD_TRY_ASSIGN(const auto contents, contents_of(store));
    return fail(explain_refusal(rewrapped.error(), *spec, keyring::caller_of(contents.identity),
                                session.settings.kms_deadline));
  }
  KEYHOLD_TRY(rewrapped);
  KEYHOLD_TRY_ASSIGN(const auto contents, contents_of(store));
  Json lockboxes = Json::array();
  std::string text;
  for (const keyring::Lockbox& lockbox : contents.lockboxes) {
    const auto type = kms::key_type_name(lockbox.spec.type);
    lockboxes.add(Json::object()
                      .set("kms_type", type)
                      .set("kms_uri", lockbox.spec.uri.str())
                      .set("kms_key_version", lockbox.kms_key_version.str()));
    text += fmt::format("{} {}, version {}, wraps the KEK from now on\n", type,
                        lockbox.spec.uri.str(), lockbox.kms_key_version.str());
  }
  return session.output.result(Json::object().set("lockboxes", lockboxes), text);
}

}  // namespace

Command store_rotate_command() {
  struct Arguments {
    std::string store;
    bool kek = false;
  };
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "rotate";
  command.summary = "Make a new DEK generation, which encrypts every new file from now on";
  command.paragraphs = {
      "Files that exist stay as they are, and readable. A rotation is due by itself as the store "
      "was "
      "told at init ('keyhold store status' says when). A running engine goes on meanwhile."};
  command.arguments = {
      directory(given->store, "the store"),
      flag("--kek", given->kek, "make a new KEK instead, and wrap every DEK again under it")};
  command.examples = {{"keyhold store rotate /srv/store", ""},
                      {"keyhold store rotate --kek /srv/store", ""}};
  command.json = {{"dek_generation", "the new one (without --kek)"},
                  {"kek_version", "the new one (with --kek)"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [given](Session& session) { return rotate(session, given->store, given->kek); };
  return command;
}

Command store_rewrap_command() {
  struct Arguments {
    std::string store;
    KmsFlags kms;
  };
  const auto given = std::make_shared<Arguments>();
  Command command;
  command.name = "rewrap";
  command.summary = "Wrap the KEK again: by the newest version of its CMEK, or by another CMEK";
  command.paragraphs = {
      "Without key flags, the KMS's newest version of the same key wraps it. With them, that key "
      "does, it is proven to give the same KEK back, and the old key's wrap is removed. No data is "
      "touched; a running engine goes on meanwhile. Interrupted, it is completed by running it "
      "again."};
  command.arguments = {directory(given->store, "the store")};
  for (Argument& argument : given->kms.arguments(false)) {
    command.arguments.push_back(std::move(argument));
  }
  command.examples = {
      {"keyhold store rewrap /srv/store", "after 'keyhold kms key rotate'"},
      {"keyhold store rewrap /srv/store --kms-uri local:///srv/customer-kms/orders-2027",
       "to another key"}};
  command.json = {{"lockboxes[].kms_type, lockboxes[].kms_uri", "who wraps the KEK now"},
                  {"lockboxes[].kms_key_version", "the version of the CMEK that did"}};
  command.exit_statuses = {3, 4, 5, 6, 7};
  command.run = [given](Session& session) { return rewrap(session, given->store, given->kms); };
  return command;
}

}  // namespace keyhold::cli
