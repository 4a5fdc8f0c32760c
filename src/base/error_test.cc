#include "base/error.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace keyhold {
namespace {

TEST(Error, ExitStatusFollowsTheDocumentedTable) {
  EXPECT_EQ(exit_status(Code::invalid_argument), 2);
  EXPECT_EQ(exit_status(Code::denied), 3);
  EXPECT_EQ(exit_status(Code::unavailable), 4);
  EXPECT_EQ(exit_status(Code::integrity), 5);
  EXPECT_EQ(exit_status(Code::not_found), 6);
  EXPECT_EQ(exit_status(Code::busy), 7);
  EXPECT_EQ(exit_status(Code::internal), 1);
}

TEST(Error, WithinPutsTheContextFirst) {
  const Error inner(Code::no_space, "disk full");
  const Error outer = inner.within("writing keyring.a");
  EXPECT_EQ(outer.code(), Code::no_space);
  EXPECT_EQ(outer.message(), "writing keyring.a: disk full");
}

TEST(Error, ErrnoMapsToItsCode) {
  EXPECT_EQ(fail_errno(ENOSPC, "write").value().code(), Code::no_space);
  EXPECT_EQ(fail_errno(EROFS, "open").value().code(), Code::permission);
  EXPECT_EQ(fail_errno(ENOENT, "open").value().message(), "open: No such file or directory");
}

Result<int> twice(Result<int> number) {
  KEYHOLD_TRY_ASSIGN(const int value, std::move(number));
  return value * 2;
}

TEST(Result, TryAssignTakesTheValueOrLeaves) {
  EXPECT_EQ(*twice(21), 42);
  EXPECT_EQ(twice(fail(Code::busy, "x")).error().code(), Code::busy);
}

}  // namespace
}  // namespace keyhold
