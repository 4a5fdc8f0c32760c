#include "host/store_status.h"

#include <nlohmann/json.hpp>

#include "host/test_store.h"

namespace keyhold::host {
namespace {

using nlohmann::json;

Result<StoreStatus> status_of(const TestStore& store, bool ask_kms = false) {
  return describe_store(store.machine(), store.path,
                        {.ask_kms = ask_kms, .clients = store.clients()});
}

TEST(StoreStatus, NeedsNeitherHostNorKms) {
  TestStore store;
  store.make();
  store.kms.script_all(kms::ScriptedOutcome::failing(kms::Fault::unavailable));
  const std::uint64_t before = store.kms.calls(kms::Operation::unwrap);
  const auto status = status_of(store);
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_FALSE(status->host);
  EXPECT_TRUE(status->host_problem.empty());
  EXPECT_TRUE(status->kms.empty());
  EXPECT_TRUE(status->anchor_path.empty());
  EXPECT_EQ(status->keyring.contents.identity.cluster, ClusterId("orders"));
  EXPECT_EQ(store.kms.calls(kms::Operation::unwrap), before);
}

TEST(StoreStatus, TellsOfTheRunningHost) {
  TestStore store;
  store.anchor = store.scratch / "anchor";
  store.make();
  const auto host = store.open();
  ASSERT_TRUE(host);
  const auto status = status_of(store);
  ASSERT_TRUE(status);
  ASSERT_TRUE(status->host);
  EXPECT_EQ(status->host->pid, ::getpid());
  EXPECT_EQ(status->host->program, "test");
  EXPECT_EQ(status->host->state, HostState::serving);
  EXPECT_TRUE(status->host->last_kms_success);
  EXPECT_TRUE(status->host->health.detects_rollback);
  EXPECT_EQ(status->anchor_path, store.anchor);
  EXPECT_FALSE(status->aead_backend.empty());
}

TEST(StoreStatus, AsksEachLockboxsKmsWhereTold) {
  TestStore store;
  store.make();
  const auto well = status_of(store, true);
  ASSERT_TRUE(well);
  ASSERT_EQ(well->kms.size(), 1U);
  EXPECT_TRUE(well->kms[0].unwraps);
  EXPECT_EQ(well->kms[0].key->state, kms::KeyState::enabled);

  store.kms.disable("cmek");
  const auto disabled = status_of(store, true);
  ASSERT_TRUE(disabled);
  EXPECT_FALSE(disabled->kms[0].unwraps);
  ASSERT_TRUE(disabled->kms[0].error);
  EXPECT_EQ(disabled->kms[0].error->fault(), kms::Fault::disabled);

  store.kms.script_all(kms::ScriptedOutcome::failing(kms::Fault::unavailable));
  const auto down = status_of(store, true);
  ASSERT_TRUE(down);
  EXPECT_EQ(down->kms[0].error->fault(), kms::Fault::unavailable);
  EXPECT_FALSE(down->kms[0].key);
}

TEST(StoreStatus, NamesADamagedCopy) {
  TestStore store;
  store.make();
  ASSERT_TRUE(io::replace_file(io::posix_file_system(), store.layout.directory + "/keyring.a",
                               as_bytes("rubbish")));
  const auto status = status_of(store);
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->keyring.copies[0].state, keyring::CopyState::damaged);
  EXPECT_EQ(status->keyring.copies[1].state, keyring::CopyState::good);
}

TEST(StoreStatus, WithoutAStoreIsNotFound) {
  TestStore store;
  EXPECT_EQ(status_of(store).error().code(), Code::not_found);
}

TEST(StoreStatus, SaysThatTheAnchorsPlaceIsNotKnown) {
  TestStore store;
  store.make();
  ASSERT_TRUE(io::posix_file_system().remove(store.layout.config));
  const auto status = status_of(store);
  ASSERT_TRUE(status);
  ASSERT_TRUE(status->anchor_problem);
  EXPECT_NE(status->anchor_problem->message().find("missing"), std::string::npos);
}

// Without a key: what the operator sees before anybody opens the store.
TEST(StoreStatus, SeesWhatContradictsTheAnchor) {
  TestStore store;
  store.anchor = store.scratch / "anchor";
  store.make();
  io::FileSystem& files = io::posix_file_system();
  const std::string ring = store.layout.directory + "/keyring.";
  const ByteVector older = *io::read_file(files, ring + "a", 1 << 20);
  ASSERT_TRUE((*store.open())->rotate_dek());
  ASSERT_FALSE(status_of(store)->anchor_problem);
  for (const char* copy : {"a", "b"}) ASSERT_TRUE(io::replace_file(files, ring + copy, older));
  const auto rolled_back = status_of(store);
  ASSERT_TRUE(rolled_back && rolled_back->anchor_problem);
  EXPECT_EQ(rolled_back->anchor_problem->code(), Code::rollback);
  EXPECT_TRUE(rolled_back->anchor_problem->message().starts_with("ROLLED BACK"));
  EXPECT_TRUE(json::parse(to_json_text(*rolled_back)).at("anchor").contains("problem"));

  TestStore other;
  other.anchor = other.scratch / "anchor";
  other.make();
  ASSERT_TRUE(io::replace_file(files, store.anchor, *io::read_file(files, other.anchor, 4096)));
  EXPECT_EQ(status_of(store)->anchor_problem.value().code(), Code::wrong_key);
  ASSERT_TRUE(files.remove(store.anchor));
  const auto missing = status_of(store);
  EXPECT_EQ(missing->anchor_problem.value().code(), Code::rollback);
  EXPECT_TRUE(missing->anchor_problem->message().starts_with("ANCHOR MISSING"));
}

TEST(StoreStatusJson, CarriesTheWholeTree) {
  TestStore store;
  store.make();
  const auto host = store.open();
  ASSERT_TRUE(host);
  ASSERT_TRUE((*host)->rotate_dek());
  const json out = json::parse(to_json_text(*status_of(store, true)));
  EXPECT_EQ(out.at("store"), (*host)->store_id().hex());
  EXPECT_EQ(out.at("identity").at("node"), "n1");
  EXPECT_EQ(out.at("key_ring").at("generations").size(), 2U);
  EXPECT_EQ(out.at("key_ring").at("lockboxes").at(0).at("key").at("type"), "LOCAL");
  EXPECT_EQ(out.at("copies").at(1).at("state"), "good");
  EXPECT_EQ(out.at("host").at("state"), "serving");
  EXPECT_EQ(out.at("anchor").at("detects_rollback"), false);
  EXPECT_EQ(out.at("kms").at(0).at("unwraps"), true);
}

HostStatus example() {
  HostStatus status;
  status.pid = 42;
  status.program = "db_bench \"quoted\"";
  status.started = WallTime(std::chrono::seconds(1'700'000'000));
  status.state = HostState::waiting_for_kms;
  status.state_since = WallTime(std::chrono::seconds(1'700'000'002));
  status.reason = "no route";
  status.aead_backend = "openssl";
  status.secret_memory = {.locked_bytes = 4096, .used_bytes = 64, .limit_bytes = SIZE_MAX};
  status.last_kms_success = WallTime(std::chrono::seconds(1'700'000'001));
  status.last_kms_problem = "timeout";
  status.upkeep_problems = {"disk full"};
  status.health.detects_rollback = true;
  status.health.copies = {{.name = "keyring.a",
                           .state = keyring::CopyState::behind,
                           .sequence = 3,
                           .problem = "older"}};
  status.health.repaired_copies = {"keyring.a"};
  status.requests = 7;
  return status;
}

TEST(HostStatusJson, ReadsAsItWasWritten) {
  const std::string text = to_json_text(example());
  const auto read = host_status_from_json(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json_text(*read), text);
  EXPECT_EQ(read->started, example().started);
  EXPECT_EQ(read->state_since, example().state_since);
  EXPECT_EQ(read->secret_memory.limit_bytes, SIZE_MAX);
  EXPECT_EQ(read->health.copies.at(0).state, keyring::CopyState::behind);
}

TEST(HostStatusJson, AnythingElseIsAnErrorNotACrash) {
  for (const char* text : {"", "{", "[]", "{}", "{\"pid\":\"x\"}", "null", "7"}) {
    EXPECT_EQ(host_status_from_json(text).error().code(), Code::integrity) << text;
  }
  json wrong = json::parse(to_json_text(example()));
  wrong["state"] = "dancing";
  EXPECT_FALSE(host_status_from_json(wrong.dump()));
  wrong["state"] = "sealed";
  wrong["started"] = "yesterday";
  EXPECT_FALSE(host_status_from_json(wrong.dump()));
}

}  // namespace
}  // namespace keyhold::host
