#include "common/step_executor.h"

#include <gtest/gtest.h>

#include <memory>

namespace spillway {
namespace {

TEST(StepExecutorTest, drop_alsoDropsWhatThatPosts) {
  StepExecutor executor;
  int run = 0;
  // Enough to make the queue grow while it is dropped.
  for (int i = 0; i < 100; ++i) {
    const std::shared_ptr<void> guard(nullptr, [&](void*) {
      for (int j = 0; j < 10; ++j) executor.Post([&] { ++run; });
    });
    executor.Post([guard] {});
  }
  executor.Drop();
  executor.RunAll();
  EXPECT_EQ(run, 0);
}

}  // namespace
}  // namespace spillway
