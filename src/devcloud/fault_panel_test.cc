#include "devcloud/fault_panel.h"

#include <gtest/gtest.h>

#include "devcloud/test_machine.h"

namespace keyhold::devcloud {
namespace {

Fault fault_of(Fault::Kind kind, std::string service = "kms") {
  Fault fault;
  fault.kind = kind;
  fault.service = std::move(service);
  return fault;
}

TEST(FaultPanel, FirstThatFitsIsMet) {
  TestMachine machine;
  const Folder folder = machine.open();
  const auto panel = FaultPanel::open(folder).value();
  EXPECT_FALSE(panel->meet("kms", "Decrypt", "arn:key/1"));
  Fault narrow = fault_of(Fault::Kind::deny);
  narrow.resource = "key/1";
  narrow.operation = "Decrypt";
  ASSERT_TRUE(panel->add(narrow));
  ASSERT_TRUE(panel->add(fault_of(Fault::Kind::throttle)));
  EXPECT_EQ(panel->meet("kms", "Decrypt", "arn:key/1")->kind, Fault::Kind::deny);
  EXPECT_EQ(panel->meet("kms", "Encrypt", "arn:key/1")->kind, Fault::Kind::throttle);
  EXPECT_EQ(panel->meet("kms", "Decrypt", "arn:key/2")->kind, Fault::Kind::throttle);
  EXPECT_FALSE(panel->meet("sts", "Decrypt", "arn:key/1"));
}

TEST(FaultPanel, CountedFaultEndsWithItsCount) {
  TestMachine machine;
  const Folder folder = machine.open();
  const auto panel = FaultPanel::open(folder).value();
  Fault twice = fault_of(Fault::Kind::cut);
  twice.remaining = 2;
  ASSERT_TRUE(panel->add(twice));
  EXPECT_TRUE(panel->meet("kms", "", ""));
  EXPECT_TRUE(panel->meet("kms", "", ""));
  EXPECT_FALSE(panel->meet("kms", "", ""));
}

TEST(FaultPanel, OutlivesARestartUntilItIsCleared) {
  TestMachine machine;
  const Folder folder = machine.open();
  std::string id;
  {
    const auto panel = FaultPanel::open(folder).value();
    Fault fault = fault_of(Fault::Kind::error, "sts");
    fault.status = 503;
    fault.code = "ServiceUnavailable";
    fault.message = "down";
    fault.delay = std::chrono::milliseconds(5);
    id = panel->add(fault).value().id;
    ASSERT_TRUE(panel->set_propagation_delay(std::chrono::seconds(3)));
  }
  const auto panel = FaultPanel::open(folder).value();
  EXPECT_EQ(panel->propagation_delay(), std::chrono::seconds(3));
  ASSERT_EQ(panel->list().size(), 1U);
  EXPECT_EQ(to_json(panel->list().front()),
            "{\"code\":\"ServiceUnavailable\",\"delay_ms\":5,\"id\":\"" + id +
                "\",\"kind\":\"error\",\"message\":\"down\",\"operation\":\"\",\"remaining\":0,"
                "\"resource\":\"\",\"service\":\"sts\",\"status\":503}");
  EXPECT_EQ(panel->clear("none").error().code(), Code::not_found);
  EXPECT_TRUE(panel->clear(id));
  EXPECT_TRUE(FaultPanel::open(folder).value()->list().empty());
}

TEST(FaultPanel, EveryKindHasANameThatIsReadBack) {
  for (const char* name : {"deny", "disable", "delay", "throttle", "error", "cut", "truncate",
                           "wrong-key", "garbage", "proxy"}) {
    ASSERT_TRUE(fault_kind(name)) << name;
    EXPECT_EQ(name_of(*fault_kind(name)), name);
  }
  EXPECT_FALSE(fault_kind("explode"));
}

TEST(FaultPanel, NonsenseIsRefused) {
  for (const char* text :
       {"", "[]", "{}", "{\"service\":\"kms\"}", "{\"service\":\"\",\"kind\":\"deny\"}",
        "{\"service\":\"kms\",\"kind\":\"delay\"}", "{\"service\":\"kms\",\"kind\":7}",
        "{\"service\":\"kms\",\"kind\":\"error\",\"status\":200}",
        "{\"service\":\"kms\",\"kind\":\"deny\",\"remaining\":-1}",
        "{\"service\":\"kms\",\"kind\":\"deny\",\"delay_ms\":-1}"}) {
    EXPECT_EQ(fault_from_json(text).error().code(), Code::invalid_argument) << text;
  }
}

TEST(FaultPanel, DamagedDocumentIsAnError) {
  TestMachine machine;
  const Folder folder = machine.open();
  ASSERT_TRUE(folder.save("state/panel.json", "{"));
  EXPECT_EQ(FaultPanel::open(folder).error().code(), Code::integrity);
}

}  // namespace
}  // namespace keyhold::devcloud
