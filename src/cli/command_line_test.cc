#include "cli/command_line.h"

#include <gtest/gtest.h>

namespace keyhold::cli {
namespace {

class CommandLine : public ::testing::Test {
 protected:
  CommandLine() {
    globals_ = {flag("-h,--help", help_, "help"), flag("--json", json_, "json")};
    Command init;
    init.name = "init";
    init.arguments = {directory(directory_, "where"), required(text("--uri", "URI", uri_, "which")),
                      number("--days", "DAYS", days_, "how long")};
    init.run = [](Session&) { return Status(); };
    Command cat;
    cat.name = "cat";
    cat.arguments = {texts("FILE", files_, "files")};
    cat.run = init.run;
    Command group;
    group.name = "store";
    group.subcommands = {init, cat};
    root_.name = "keyhold";
    root_.subcommands = {group};
  }

  std::string parse(const std::vector<std::string>& words) {
    const auto invocation = parse_command_line(root_, globals_, words);
    if (!invocation) return invocation.error().error.message();
    return (invocation->help ? "help " : "run ") + invocation->name();
  }

  bool help_ = false;
  bool json_ = false;
  std::string directory_;
  std::string uri_;
  int days_ = 0;
  std::vector<std::string> files_;
  std::vector<Argument> globals_;
  Command root_;
};

TEST_F(CommandLine, ArgumentsReachTheirPlacesInAnyOrder) {
  EXPECT_EQ(parse({"store", "init", "--uri=u", "/a/./b/", "--days", "3", "--json"}),
            "run keyhold store init");
  EXPECT_EQ(directory_, "/a/b");
  EXPECT_EQ(uri_, "u");
  EXPECT_EQ(days_, 3);
  EXPECT_TRUE(json_);
}

TEST_F(CommandLine, ValueThatIsNamedLikeACommandStaysAValue) {
  EXPECT_EQ(parse({"store", "cat", "store", "init", "cat"}), "run keyhold store cat");
  EXPECT_EQ(files_, (std::vector<std::string>{"store", "init", "cat"}));
}

TEST_F(CommandLine, BehindTwoDashesEverythingIsAValue) {
  EXPECT_EQ(parse({"store", "cat", "--", "--json", "", "--"}), "run keyhold store cat");
  EXPECT_EQ(files_, (std::vector<std::string>{"--json", "", "--"}));
  EXPECT_FALSE(json_);
}

TEST_F(CommandLine, HelpIsAnsweredThoughArgumentsAreMissing) {
  EXPECT_EQ(parse({"store", "init", "-h"}), "help keyhold store init");
  EXPECT_EQ(parse({"store", "--help"}), "help keyhold store");
}

TEST_F(CommandLine, MistakesAreNamed) {
  EXPECT_EQ(parse({"stroe"}), "unknown command \"stroe\"; did you mean store?");
  EXPECT_EQ(parse({"store"}), "say what to do: init, cat");
  EXPECT_EQ(parse({"store", "init", "/a", "--ury", "u"}),
            "unknown option --ury; did you mean --uri?");
  EXPECT_EQ(parse({"store", "init", "/a"}), "--uri is missing");
  EXPECT_EQ(parse({"store", "init", "--uri", "u"}), "DIR is missing");
  EXPECT_EQ(parse({"store", "init", "/a", "--uri"}), "--uri needs a value");
  EXPECT_EQ(parse({"store", "init", "/a", "/b", "--uri", "u"}), "unexpected argument \"/b\"");
  EXPECT_EQ(parse({"store", "init", "/a", "--uri", "u", "--uri", "v"}), "--uri was given twice");
  EXPECT_EQ(parse({"store", "init", "/a", "--uri", "u", "--days", "x"}),
            "--days: \"x\" is not a number");
}

}  // namespace
}  // namespace keyhold::cli
