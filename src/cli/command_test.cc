#include "cli/command.h"

#include <gtest/gtest.h>

namespace spillway::cli {
namespace {

TEST(ProgressTest, inALog_plainLinesNowAndThen) {
  Context context;
  testing::internal::CaptureStderr();
  {
    Progress often(context, "copying", 4, /*line_every_ms=*/0);
    often.Add(1);
    often.Add(3);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "copying: 0%\ncopying: 25%\ncopying: 100%\n");
  testing::internal::CaptureStderr();
  {
    Progress seldom(context, "copying", 4);
    seldom.Add(4);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "what is short says nothing";
}

TEST(ProgressTest, onATerminal_aBar) {
  Context context;
  context.terminal = true;
  testing::internal::CaptureStderr();
  {
    Progress progress(context, "copying", 2);
    progress.Add(1);
    progress.Add(0);
  }
  const std::string drawn = testing::internal::GetCapturedStderr();
  EXPECT_NE(drawn.find("\rcopying  [####################--------------------]  50%"),
            std::string::npos);
  EXPECT_EQ(drawn.find("50%"), drawn.rfind("50%")) << "drawn when it changes";
  EXPECT_EQ(drawn.back(), '\n');
}

TEST(CommandsTest, everyShellHasHelpForEveryCommand) {
  for (const char* shell : {"fs", "fsadmin", "job"}) {
    ASSERT_NE(CommandsOf(shell), nullptr);
    for (const Command& command : *CommandsOf(shell)) {
      EXPECT_FALSE(command.help.empty()) << command.name;
      for (const Flag& flag : command.flags) EXPECT_FALSE(flag.help.empty()) << command.name;
    }
  }
  EXPECT_EQ(CommandsOf("bogus"), nullptr);
}

}  // namespace
}  // namespace spillway::cli
