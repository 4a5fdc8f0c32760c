#include "crypto/instance.h"

#include <string>

#include <gtest/gtest.h>

#include "crypto/test_process_memory.h"

namespace keyhold::crypto {
namespace {

using std::string_literals::operator""s;

TEST(MemoryInstance, StaysTheSameWithoutAnEvent) {
  const std::uint64_t before = memory_instance();
  EXPECT_EQ(memory_instance(), before);
}

TEST(MemoryInstance, ChangesInAChildAndNotInItsParent) {
  const std::uint64_t before = memory_instance();
  EXPECT_EQ(in_child([&] { return memory_instance() != before ? "other"s : "same"s; }), "other");
  EXPECT_EQ(memory_instance(), before);
}

TEST(MemoryInstance, ChangesOnceInAChild) {
  memory_instance();
  EXPECT_EQ(in_child([] {
              const std::uint64_t first = memory_instance();
              return memory_instance() == first ? "same"s : "other"s;
            }),
            "same");
}

TEST(MemoryInstance, ChangesInAGrandchild) {
  memory_instance();
  EXPECT_EQ(in_child([] {
              const std::uint64_t child = memory_instance();
              return in_child([&] { return memory_instance() != child ? "other"s : "same"s; });
            }),
            "other");
}

// In its child, its grandchild by a child that never asked, and not by a clone of the machine.
TEST(ProcessInstance, IsAnotherInEachProcessOfALine) {
  const std::uint64_t here = process_instance();
  notify_cloned();
  EXPECT_EQ(process_instance(), here);
  EXPECT_EQ(in_child([&] {
              return in_child([&] { return process_instance() != here ? "other"s : "same"s; });
            }),
            "other");
  EXPECT_EQ(
      in_child([&] {
        const std::uint64_t child = process_instance();
        const bool rose = child > here && process_instance() == child;
        return in_child([&] { return rose && process_instance() > child ? "other"s : "same"s; });
      }),
      "other");
  EXPECT_EQ(process_instance(), here);
}

TEST(MemoryInstance, ChangesWhenTheMachineWasCloned) {
  const std::uint64_t before = memory_instance();
  notify_cloned();
  EXPECT_NE(memory_instance(), before);
}

TEST(CloneEvent, GenerationIdUeventIsRecognised) {
  const std::string event =
      "change@/devices/virtual/misc/vmgenid\0ACTION=change\0SUBSYSTEM=platform\0NEW_VMGENID=1\0"s;
  EXPECT_TRUE(is_clone_event(as_bytes(event)));
  // Cut before its last NUL.
  EXPECT_TRUE(is_clone_event(as_bytes(event).first(event.size() - 1)));
}

TEST(CloneEvent, OtherDatagramsAreNot) {
  for (const std::string& event :
       {""s, "\0\0\0"s, "add@/devices/pci0000:00\0ACTION=add\0"s, "NEW_VMGENID=0\0"s,
        "NEW_VMGENID=10\0"s, "SYNTH_ARG_NEW_VMGENID=1\0"s, "OLD_NEW_VMGENID=1\0"s}) {
    EXPECT_FALSE(is_clone_event(as_bytes(event))) << event;
  }
}

TEST(CloneListener, StartsOnceAndSaysSoAgain) {
  const bool started = start_clone_listener();
  EXPECT_EQ(start_clone_listener(), started);
}

}  // namespace
}  // namespace keyhold::crypto
