#include "cli/progress.h"

#include <gtest/gtest.h>

namespace spillway::cli {
namespace {

TEST(ProgressTest, inALog_plainLinesNowAndThen) {
  Context context;
  ManualClock clock;
  testing::internal::CaptureStderr();
  {
    Progress often(context, "copying", 4, {"files", /*line_every_ms=*/0, &clock});
    clock.AdvanceMs(2000);
    often.Add(1);
    often.Add(3);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "copying: 0%, 0 of 4 files\n"
            "copying: 25%, 1 of 4 files, 0.5/s, 6s left\n"
            "copying: 100%, 4 of 4 files, 2.0/s\n");
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
  ManualClock clock;
  testing::internal::CaptureStderr();
  {
    Progress progress(context, "copying", 2 << 20, {"", 0, &clock});
    clock.AdvanceMs(1000);
    progress.Add(1 << 20);
    progress.Add(0);
  }
  const std::string drawn = testing::internal::GetCapturedStderr();
  EXPECT_NE(
      drawn.find(
          "\rcopying  [##########----------]  50%  1024.00KB of 2048.00KB, 1024.00KB/s, 1s left"),
      std::string::npos)
      << drawn;
  EXPECT_EQ(drawn.find("50%"), drawn.rfind("50%")) << "drawn when it changes";
  EXPECT_EQ(drawn.back(), '\n');
}

TEST(ProgressTest, onATerminal_shorterLineCoversTheLongerOne) {
  Context context;
  context.terminal = true;
  ManualClock clock;
  testing::internal::CaptureStderr();
  {
    Progress progress(context, "copying", 4, {"files", 0, &clock});
    clock.AdvanceMs(2000);
    progress.Add(1);
    progress.Add(3);
  }
  const std::string drawn = testing::internal::GetCapturedStderr();
  EXPECT_NE(drawn.find("100%  4 of 4 files, 2.0/s       "), std::string::npos) << drawn;
}

TEST(ProgressTest, rate_isThatOfTheLastSeconds) {
  Context context;
  ManualClock clock;
  testing::internal::CaptureStderr();
  {
    Progress progress(context, "copying", 1000, {"files", 30'000, &clock});
    clock.AdvanceMs(1000);
    progress.Add(100);
    for (int i = 0; i < 29; ++i) {
      clock.AdvanceMs(1000);
      progress.Add(10, 10 << 20);
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "copying: 39%, 390 of 1000 files, 290.00MB, 10.00MB/s, 1m 1s left\n");
}

TEST(ProgressTest, moreThanExpected_staysAtTheWhole) {
  Context context;
  testing::internal::CaptureStderr();
  {
    Progress grown(context, "copying", 10, {"", 0});
    grown.Add(30);
    Progress none(context, "copying", 0, {"", 0});
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "copying: 0%, 0B of 10B\ncopying: 100%, 10B of 10B\ncopying: 100%, 0B of 0B\n");
}

}  // namespace
}  // namespace spillway::cli
