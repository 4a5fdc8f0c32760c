// The supervisor with real processes: start, stop, kill, and the engine's own end.
#include "host/supervisor.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>

#include <sys/wait.h>

#include "host/test_supervisor.h"

namespace keyhold::host {

std::string supervisor_helper() {
  return SUPERVISOR_HELPER;
}

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Each way to kill: by the engine's cgroup, and process by process.
class SupervisorKill : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) return;
    SupervisorOptions options;
    options.engine = {"true"};
    options.program = SUPERVISOR_HELPER;
    const auto probe = Supervisor::start(options);
    ASSERT_TRUE(probe) << probe.error().message();
    for (const std::string& warning : (*probe)->warnings()) {
      if (warning.find("no cgroup of its own") != std::string::npos) GTEST_SKIP() << warning;
    }
  }
  [[nodiscard]] SupervisorOptions options(const std::string& kind) const {
    return options_for(line_, kind, GetParam());
  }

  Lifeline line_;
};

INSTANTIATE_TEST_SUITE_P(All, SupervisorKill, testing::Bool(), [](const auto& cgroup) {
  return cgroup.param ? "ByCgroup" : "ByProcess";
});

TEST_P(SupervisorKill, KillEndsTheEngineWithinASecond) {
  const auto supervisor = *Supervisor::start(options("plain"));
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line_.reader();
  EXPECT_EQ("ready", lives.line());
  EXPECT_EQ(EnginePhase::running, supervisor->state().phase);
  EXPECT_TRUE(supervisor->kill_engine(within(seconds(1))));
  EXPECT_EQ(EnginePhase::stopped, supervisor->state().phase);
  EXPECT_FALSE(lives.alive());
}

TEST_P(SupervisorKill, KillEndsSetsidAndDoubleForkedChildren) {
  const auto supervisor = *Supervisor::start(options("family"));
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line_.reader();
  ASSERT_TRUE(lives.reaches("ready"));
  EXPECT_TRUE(supervisor->kill_engine(within(seconds(1))));
  EXPECT_FALSE(lives.alive());
}

TEST_P(SupervisorKill, KillEndsAForkBombThatStillGrows) {
  const auto supervisor = *Supervisor::start(options("bomb"));
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line_.reader();
  for (int processes = 0; processes < 20; ++processes) ASSERT_EQ("bomb", lives.line());
  EXPECT_TRUE(supervisor->kill_engine(within(seconds(10))));
  EXPECT_FALSE(lives.alive());
}

TEST_P(SupervisorKill, EndOfTheMainProcessEndsWhatItLeft) {
  std::promise<EngineState> end;
  SupervisorOptions leaver = options("leaver");
  leaver.on_end = [&](const EngineState& state) { end.set_value(state); };
  const auto supervisor = *Supervisor::start(leaver);
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line_.reader();
  const EngineState state = end.get_future().get();
  EXPECT_EQ(EnginePhase::stopped, state.phase);
  EXPECT_EQ("it exited with status 0", describe_wait_status(*state.wait_status));
  EXPECT_FALSE(lives.alive());
}

TEST_P(SupervisorKill, DestructionEndsTheEngine) {
  auto supervisor = *Supervisor::start(options("family"));
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line_.reader();
  ASSERT_TRUE(lives.reaches("ready"));
  supervisor.reset();
  EXPECT_FALSE(lives.alive());
}

TEST(Supervisor, StopSendsTheSignalAndWaits) {
  const Lifeline line;
  const auto supervisor = *Supervisor::start(options_for(line, "plain", true));
  ASSERT_TRUE(supervisor->start_engine());
  EXPECT_TRUE(supervisor->stop_engine(within(seconds(10))));
  EXPECT_EQ("signal 15 ended it", describe_wait_status(*supervisor->state().wait_status));
}

TEST(Supervisor, StopOfADeafEngineKillsAtTheEndOfTheGrace) {
  Lifeline line;
  const auto supervisor = *Supervisor::start(options_for(line, "deaf", true));
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line.reader();
  ASSERT_EQ("ready", lives.line());
  EXPECT_TRUE(supervisor->stop_engine(within(milliseconds(50))));
  EXPECT_EQ("signal 9 ended it", describe_wait_status(*supervisor->state().wait_status));
  EXPECT_EQ("it did not stop in time", supervisor->state().cause);
  EXPECT_FALSE(lives.alive());
}

TEST(Supervisor, KillOvertakesAStopInItsGrace) {
  Lifeline line;
  const auto supervisor = *Supervisor::start(options_for(line, "deaf", true));
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line.reader();
  ASSERT_EQ("ready", lives.line());
  auto stop = std::async([&] { return supervisor->stop_engine(within(seconds(60))); });
  EXPECT_TRUE(supervisor->kill_engine(within(seconds(5))));
  EXPECT_TRUE(stop.get());
  EXPECT_FALSE(lives.alive());
}

TEST(Supervisor, UnknownProgramIsRefusedAndTriedAgain) {
  SupervisorOptions options;
  options.engine = {"/nonexistent/engine"};
  options.program = SUPERVISOR_HELPER;
  const auto supervisor = *Supervisor::start(options);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto started = supervisor->start_engine();
    ASSERT_FALSE(started);
    EXPECT_EQ(Code::not_found, started.error().code());
    EXPECT_EQ(EnginePhase::stopped, supervisor->state().phase);
  }
}

TEST(Supervisor, ExitIsReportedAndNotStartedAgain) {
  const Lifeline line;
  std::promise<EngineState> end;
  std::atomic<int> ends = 0;
  SupervisorOptions options = options_for(line, "exit3", true);
  options.on_end = [&](const EngineState& state) {
    if (ends++ == 0) end.set_value(state);
  };
  auto supervisor = *Supervisor::start(options);
  ASSERT_TRUE(supervisor->start_engine());
  EXPECT_EQ("it exited with status 3", describe_wait_status(*end.get_future().get().wait_status));
  EXPECT_EQ(EnginePhase::stopped, supervisor->state().phase);
  EXPECT_TRUE(supervisor->kill_engine(within(seconds(1))));  // none runs: at once
  supervisor.reset();
  EXPECT_EQ(1, ends);
}

TEST(Supervisor, OrderedEndIsNoNews) {
  const Lifeline line;
  std::atomic<int> ends = 0;
  SupervisorOptions options = options_for(line, "plain", true);
  options.on_end = [&](const EngineState&) { ++ends; };
  auto supervisor = *Supervisor::start(options);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(supervisor->start_engine());
    EXPECT_TRUE(supervisor->kill_engine(within(seconds(5))));
  }
  supervisor.reset();
  EXPECT_EQ(0, ends);
}

TEST(Supervisor, SecondStartIsBusy) {
  const Lifeline line;
  const auto supervisor = *Supervisor::start(options_for(line, "plain", true));
  ASSERT_TRUE(supervisor->start_engine());
  const auto again = supervisor->start_engine();
  ASSERT_FALSE(again);
  EXPECT_EQ(Code::busy, again.error().code());
}

TEST(Supervisor, EngineHasNoCoresDiesWithItsParentAndGetsItsEnvironmentAlone) {
  Lifeline line;
  SupervisorOptions options = options_for(line, "limits", true);
  options.environment = {{"ENGINE_VARIABLE=given"}};
  const auto supervisor = *Supervisor::start(options);
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line.reader();
  const std::string limits = lives.line();
  EXPECT_TRUE(limits == "core 0 pdeathsig 9" || limits == "core 1 pdeathsig 9") << limits;
  EXPECT_EQ("first free descriptor 3", lives.line());
  EXPECT_EQ("variable given", lives.line());
}

TEST(Supervisor, EngineMayUseEverySignal) {
  const Lifeline line;
  SupervisorOptions options = options_for(line, "plain", true);
  options.stop_signal = SIGINT;
  const auto supervisor = *Supervisor::start(options);
  ASSERT_TRUE(supervisor->start_engine());
  EXPECT_TRUE(supervisor->stop_engine(within(seconds(10))));
  EXPECT_EQ("signal 2 ended it", describe_wait_status(*supervisor->state().wait_status));
}

TEST(Supervisor, EndOfTheEngineBySignalIsReported) {
  Lifeline line;
  std::promise<EngineState> end;
  SupervisorOptions options = options_for(line, "family", false);
  options.on_end = [&](const EngineState& state) { end.set_value(state); };
  const auto supervisor = *Supervisor::start(options);
  ASSERT_TRUE(supervisor->start_engine());
  LineReader lives = line.reader();
  ASSERT_TRUE(lives.reaches("ready"));
  ASSERT_EQ(0, ::kill(supervisor->state().pid, SIGKILL));
  EXPECT_EQ("signal 9 ended it", describe_wait_status(*end.get_future().get().wait_status));
  EXPECT_FALSE(lives.alive());
}

TEST(Supervisor, WithoutACgroupThereAreNoWarningsOfOne) {
  const Lifeline line;
  const auto supervisor = *Supervisor::start(options_for(line, "plain", false));
  EXPECT_TRUE(supervisor->warnings().empty());
}

TEST(SupervisorProcess, OtherWordsAreNotItsOwn) {
  EXPECT_FALSE(run_as_supervisor({}));
  EXPECT_FALSE(run_as_supervisor({"agent"}));
  EXPECT_FALSE(run_as_supervisor({kSupervisorWord, "more"}));
}

TEST(SupervisorProcess, PlanComesBackWhole) {
  const EnginePlan plan{.arguments = {"engine", "", "two\nlines"},
                        .environment = {"A=b", "EMPTY="},
                        .stop_signal = SIGINT,
                        .heartbeat_timeout = milliseconds(123),
                        .use_cgroup = false};
  const auto file = write_plan(plan);
  ASSERT_TRUE(file);
  const auto read = read_plan(file->get());
  ASSERT_TRUE(read);
  EXPECT_EQ(plan.arguments, read->arguments);
  EXPECT_EQ(plan.environment, read->environment);
  EXPECT_EQ(SIGINT, read->stop_signal);
  EXPECT_EQ(milliseconds(123), read->heartbeat_timeout);
  EXPECT_FALSE(read->use_cgroup);
}

TEST(SupervisorProcess, PlanThatIsCutIsRefused) {
  const auto file = write_plan({.arguments = {"engine"}, .environment = {"A=b"}});
  ASSERT_TRUE(file);
  for (off_t size = ::lseek(file->get(), 0, SEEK_END); size-- > 0;) {
    ASSERT_EQ(0, ::ftruncate(file->get(), size));
    EXPECT_FALSE(read_plan(file->get())) << size;
  }
}

TEST(SupervisorProcess, PlanWithANulInItIsRefused) {
  EnginePlan plan;
  plan.arguments = {std::string("a\0b", 3)};
  EXPECT_FALSE(write_plan(plan));
}

}  // namespace
}  // namespace keyhold::host
