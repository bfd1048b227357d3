// What the native client makes of answers of workers that are not the whole range.
#include <gtest/gtest.h>

#include <deque>

#include "api/unused_master_api.h"
#include "api/unused_worker_api.h"
#include "client/file_system.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

using Pieces = std::deque<StatusOr<std::string>>;

// Workers that give the pieces of one read after the other; then an empty stream.
class PlayedWorkers : public WorkerConnector {
 public:
  std::shared_ptr<WorkerApi> Connect(const WorkerAddress&) override {
    return std::make_shared<Link>(this);
  }
  std::deque<Pieces> reads;
  int asked = 0;

 private:
  class Stream : public BlockReadStream {
   public:
    explicit Stream(Pieces pieces) : pieces_(std::move(pieces)) {}
    StatusOr<std::string_view> Next() override {
      if (pieces_.empty()) return std::string_view();
      const auto piece = std::move(pieces_.front());
      pieces_.pop_front();
      SPILLWAY_RETURN_IF_ERROR(piece.status());
      current_ = *piece;
      return std::string_view(current_);
    }

   private:
    Pieces pieces_;
    std::string current_;
  };
  class Link : public UnusedWorkerApi {
   public:
    explicit Link(PlayedWorkers* workers) : workers_(workers) {}
    StatusOr<std::unique_ptr<BlockReadStream>> ReadBlock(const BlockReadOptions&) override {
      ++workers_->asked;
      Pieces pieces;
      if (!workers_->reads.empty()) {
        pieces = std::move(workers_->reads.front());
        workers_->reads.pop_front();
      }
      return std::unique_ptr<BlockReadStream>(std::make_unique<Stream>(std::move(pieces)));
    }

   private:
    PlayedWorkers* const workers_;
  };
};

class OneFile : public UnusedMasterApi {
 public:
  OneFile() {
    file.id = InodeId(7);
    file.path = "/f";
    file.length_bytes = 6;
    file.completed = true;
    file.persistence_state = PersistenceState::kPersisted;
    file.blocks.push_back({BlockId(1), 6, {}});
  }
  StatusOr<FileStatus> GetStatus(const std::string&) override { return file; }
  StatusOr<std::vector<WorkerInfo>> GetWorkers() override {
    std::vector<WorkerInfo> workers(1);
    workers[0].address.host = "w";
    return workers;
  }
  FileStatus file;
};

class ReadFileTest : public testing::Test {
 protected:
  Status Read() {
    data_.clear();
    return fs_.ReadFile(master_.file, 0, -1, [this](std::string_view piece) {
      data_ += piece;
      return absl::OkStatus();
    });
  }
  OneFile master_;
  PlayedWorkers workers_;
  ManualClock clock_;
  SeededRandom random_{1};
  FileSystem fs_{&master_, &workers_, &clock_, &random_, ""};
  std::string data_;
};

TEST_F(ReadFileTest, brokenStream_goesOnBehindWhatWasTaken) {
  workers_.reads = {{"01", Unavailable("gone")}, {"23"}, {"45"}};
  const Status status = Read();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(data_, "012345");
  EXPECT_EQ(workers_.asked, 3);
}

TEST_F(ReadFileTest, changedObject_endsTheReadAtOnce) {
  for (const StatusCode code : {StatusCode::kOutOfRange, StatusCode::kFailedPrecondition}) {
    workers_.asked = 0;
    workers_.reads = {{"01", Status(code, "replaced")}};
    const int64_t before_ms = clock_.NowMs();
    const Status status = Read();
    EXPECT_EQ(status, Status(StatusCode::kFailedPrecondition, "replaced"));
    EXPECT_EQ(workers_.asked, 1);
    EXPECT_EQ(clock_.NowMs(), before_ms);
  }
}

TEST_F(ReadFileTest, emptyStreams_areAnErrorInTheEnd) {
  EXPECT_EQ(Read().code(), StatusCode::kUnavailable);
  EXPECT_EQ(data_, "");
}

TEST_F(ReadFileTest, moreThanAskedFor_isNotTaken) {
  workers_.reads = {{"0123", "456"}, {"45"}};
  const Status status = Read();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(data_, "012345");
}

TEST_F(ReadFileTest, anotherFileAtThePath_endsTheRead) {
  workers_.reads = {{NotFound("no file has it")}};
  const FileStatus opened = master_.file;
  master_.file.id = InodeId(8);
  const Status status =
      fs_.ReadFile(opened, 0, -1, [](std::string_view) { return absl::OkStatus(); });
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(workers_.asked, 1);
}

}  // namespace
}  // namespace spillway
