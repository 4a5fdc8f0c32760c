#include "host/harden.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace keyhold::host {
namespace {

// What it does cannot be undone, so a child does it.
TEST(HardenProcess, ForbidsCoresAndTracing) {
  const pid_t child = ::fork();
  if (child == 0) {
    harden_process();
    rlimit cores{};
    ::getrlimit(RLIMIT_CORE, &cores);
    const bool hard = cores.rlim_cur == 0 && cores.rlim_max == 0 && ::prctl(PR_GET_DUMPABLE) == 0;
    ::_exit(hard ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace keyhold::host
