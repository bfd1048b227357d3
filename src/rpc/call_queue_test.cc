#include "rpc/call_queue.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"
#include "rpc/event_thread.h"

namespace spillway {
namespace {

CallQueue* StartQueue(bool shared) {
  return CallQueue::Start(std::make_unique<grpc::CompletionQueue>(), "test", shared);
}

TEST(CallQueueTest, operations_runOnItsThreadInOrder) {
  CallQueue* const queue = StartQueue(false);
  std::vector<int> ran;  // by the queue's thread alone
  absl::Notification all;
  for (int i = 0; i < 1000; ++i) {
    queue->Run([&ran, i] {
      EXPECT_TRUE(OnEventThread());
      ran.push_back(i);
    });
  }
  queue->Run([&] { all.Notify(); });
  all.WaitForNotification();
  ASSERT_EQ(ran.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ran[i], i);
  queue->Release();
}

TEST(CallQueueTest, operationOfItsOwnThread_comesAfterThoseThatWait) {
  CallQueue* const queue = StartQueue(false);
  std::vector<int> ran;
  absl::Notification begun;
  absl::Notification posted;
  absl::Notification all;
  queue->Run([&] {
    begun.Notify();
    posted.WaitForNotification();
    queue->Run([&] { ran.push_back(2); });
    all.Notify();
  });
  begun.WaitForNotification();
  queue->Run([&] { ran.push_back(1); });
  posted.Notify();
  all.WaitForNotification();
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
  queue->Release();
}

TEST(CallQueueTest, operationsOfManyThreads_allRun) {
  CallQueue* const queue = StartQueue(false);
  std::atomic<int> ran{0};
  absl::Notification all;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        queue->Run([&] {
          if (++ran == 2000) all.Notify();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  all.WaitForNotification();
  queue->Release();
  EXPECT_EQ(ran, 2000);
}

TEST(CallQueueTest, clientCall_goesToTheQueueOfItsThread) {
  CallQueue* const one = StartQueue(true);
  CallQueue* const other = StartQueue(true);
  for (CallQueue* queue : {one, other}) {
    absl::Notification checked;
    queue->Run([&] {
      for (int i = 0; i < 3; ++i) {
        CallQueue* const held = CallQueue::Hold();
        EXPECT_EQ(held, queue);
        held->LetGo();
      }
      checked.Notify();
    });
    checked.WaitForNotification();
  }
  one->Release();
  other->Release();
}

TEST(CallQueueTest, clientCallOfAnotherThread_goesToASharedQueueWhileThereIsOne) {
  CallQueue* const own = CallQueue::Hold();
  CallQueue* const shared = StartQueue(true);
  CallQueue* const held = CallQueue::Hold();
  EXPECT_EQ(held, shared);
  shared->Release();
  CallQueue* const later = CallQueue::Hold();
  EXPECT_NE(later, shared);
  later->LetGo();
  // Released by its owner, it serves the call that it has to the end.
  absl::Notification ran;
  held->Run([&] { ran.Notify(); });
  ran.WaitForNotification();
  held->LetGo();
  own->LetGo();
}

}  // namespace
}  // namespace spillway
