#include "master/background/invariants.h"

#include "master/master_fixture.h"

namespace spillway {
namespace {

class InvariantsTest : public MasterFixture {
 protected:
  Status Check() { return MasterInvariants(master_.get()).Check(); }
};

// It was told to upload and comes back, as it was or as a new process.
TEST_F(InvariantsTest, aWorkerComesBack_itsUploadsAreCountedOnce) {
  const auto session = AddWorker("w1");
  const FileStatus file = WriteFile("/f", 10, {session});
  const auto command = TakePersist();
  ASSERT_NE(command.job_id(), 0u);
  ASSERT_TRUE(Check().ok()) << Check();
  AddWorker("w1", {Report(BlockIdOf(file.id, 0), 10)});
  EXPECT_TRUE(Check().ok()) << Check();
  Pass(60'000);
  EXPECT_TRUE(Check().ok()) << Check();
}

TEST_F(InvariantsTest, holdWhileFilesComeAndGo) {
  const auto session = AddWorker("w1");
  for (const char* path : {"/a", "/b", "/d/c"}) WriteFile(path, 10, {session});
  EXPECT_TRUE(Check().ok()) << Check();
  ASSERT_TRUE(master_->Rename(root_, "/a", "/z", {}).result.ok());
  EXPECT_TRUE(Check().ok()) << Check();
  if (const auto command = TakePersist(); command.job_id() != 0) Upload(session, command);
  EXPECT_TRUE(Check().ok()) << Check();
  RemoveOptions remove;
  remove.recursive = true;
  ASSERT_TRUE(master_->Remove(root_, "/d", remove).result.ok());
  EXPECT_TRUE(Check().ok()) << Check();
  master_->SessionClosed(session);
  Pass(600'000);
  EXPECT_TRUE(Check().ok()) << Check();
}

}  // namespace
}  // namespace spillway
