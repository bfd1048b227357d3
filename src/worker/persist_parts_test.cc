// Parts of uploads that begin and end within blocks, and what is said of them.
#include "worker/worker_fixture.h"

namespace spillway {
namespace {

class PersistPartsTest : public WorkerFixture {
 protected:
  PersistPartsTest() { peers_.blocks = &blocks_; }

  // Two blocks here, one at a peer: 0123456789 abcdefghij ABCDEFGHIJ.
  session::PersistCommand Part(int number, int64_t first, int64_t length) {
    session::PersistCommand command;
    command.set_job_id(9);
    command.set_mount_id(1);
    command.set_key("k");
    command.set_upload_id(upload_id_);
    command.set_part_number(static_cast<uint32_t>(number));
    command.set_first_byte(first);
    command.set_length_bytes(length);
    for (const uint64_t id : {1, 2, 3}) {
      auto* source = command.add_blocks();
      source->set_block_id(id);
      source->set_length_bytes(10);
      if (id == 3) source->add_holders()->set_host("peer");
    }
    return command;
  }
  void SetUp() override {
    Status status;
    Write(1, "0123456789", &status);
    Write(2, "abcdefghij", &status);
    blocks_[3] = "ABCDEFGHIJ";
    upload_id_ = *understore_->CreateMultipart("k", {});
  }
  std::string Uploaded(int parts) {
    std::vector<UploadedPart> all;
    for (int i = 1; i <= parts; ++i) all.push_back({i});
    EXPECT_TRUE(understore_->CompleteMultipart("k", upload_id_, all, {}).ok());
    return understore_->Objects()["k"];
  }

  std::map<int64_t, std::string> blocks_;
  std::string upload_id_;
};

TEST_F(PersistPartsTest, aPart_mayBeginAndEndWithinBlocks) {
  const std::string all = "0123456789abcdefghijABCDEFGHIJ";
  const int64_t begins[] = {0, 3, 7, 13, 24, 30};
  for (int i = 0; i < 5; ++i) {
    const int64_t length = begins[i + 1] - begins[i];
    const auto answer = Persist(Part(i + 1, begins[i], length));
    EXPECT_EQ(answer.code(), 0) << answer.message();
    EXPECT_TRUE(answer.crc_known());
    EXPECT_EQ(answer.crc32c(), Crc32c(all.substr(begins[i], length)));
    EXPECT_FALSE(answer.etag().empty());
  }
  EXPECT_EQ(Uploaded(5), all);
  EXPECT_EQ(peers_.bytes_read, 10) << "of a block that is not here only the part's bytes are read";
}

TEST_F(PersistPartsTest, numbersThatDoNotFit_uploadNothing) {
  for (const auto& [first, length] : std::vector<std::pair<int64_t, int64_t>>{
           {-1, 5}, {0, -5}, {25, 6}, {INT64_MAX, 5}, {31, 1}}) {
    EXPECT_NE(Persist(Part(1, first, length)).code(), 0) << first << "+" << length;
  }
  auto negative = Part(1, 0, 5);
  negative.mutable_blocks(0)->set_length_bytes(-10);
  EXPECT_NE(Persist(negative).code(), 0);
  auto whole = Part(0, 5, 25);
  EXPECT_EQ(Persist(whole).code(), static_cast<int>(StatusCode::kDataLoss))
      << "an object is all of its blocks";
  EXPECT_EQ(understore_->requests("upload_part"), 0);
}

TEST_F(PersistPartsTest, aFlippedBit_isInNoPart) {
  ASSERT_TRUE(env_.FlipBit(store_->OpenByPath(BlockId(2))->path, 5).ok());
  EXPECT_EQ(Persist(Part(1, 8, 4)).code(), static_cast<int>(StatusCode::kDataLoss));
  EXPECT_EQ(understore_->requests("upload_part"), 0);
  EXPECT_FALSE(store_->Has(BlockId(2))) << "and the copy goes";
}

TEST_F(PersistPartsTest, aCopyOfAnotherChecksum_isNotTaken) {
  auto command = Part(1, 2, 4);
  command.mutable_blocks(0)->set_crc_known(true);
  command.mutable_blocks(0)->set_crc32c(1);
  EXPECT_NE(Persist(command).code(), 0);
  EXPECT_EQ(understore_->requests("upload_part"), 0);
}

TEST_F(PersistPartsTest, wholeObjects_withoutAKnownChecksum_getOne) {
  auto command = Command("small", 1, "0123456789");
  command.set_crc_known(false);
  command.set_crc32c(1);
  const auto answer = Persist(command);
  EXPECT_EQ(answer.code(), 0) << answer.message();
  EXPECT_TRUE(answer.crc_known());
  EXPECT_EQ(answer.crc32c(), Crc32c("0123456789"));
}

TEST_F(PersistPartsTest, withoutAnEtag_isNoSuccess) {
  class Nameless : public MemoryUnderStore {
    StatusOr<PutResult> Put(const std::string&, BodySource&, const PutOptions&) override {
      return PutResult{};
    }
  };
  opened_ = std::make_shared<Nameless>();
  const auto answer = Persist(Command("small", 1, "0123456789"));
  EXPECT_EQ(answer.code(), static_cast<int>(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace spillway
