// What a folder can do that no bucket can: links, modes, other people's files.
#include "understore/local/local_under_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/checksum.h"
#include "common/test_directory.h"
#include "understore/local/recorded_disk.h"

namespace spillway {
namespace {

namespace fs = std::filesystem;

// What a process that is not ours does to files.
void WriteFile(const std::string& path, const std::string& data) {
  std::ofstream(path, std::ios::binary) << data;
}
std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// outside/secret is a file that no key may reach.
class LocalUnderStoreTest : public testing::TestWithParam<bool> {
 protected:
  LocalUnderStoreTest() {
    fs::create_directories(outside_);
    fs::create_directories(root_);
    WriteFile(outside_ + "/secret", "secret");
    store_ = std::make_unique<LocalUnderStore>(root_, &calls_);
  }
  StatusOr<PutResult> Put(const std::string& key, const std::string& data,
                          const PutOptions& options = {}) {
    StringBody body(data);
    return store_->Put(key, body, options);
  }
  StatusOr<std::string> Get(const std::string& key, const GetOptions& options = {}) {
    std::string all;
    SPILLWAY_RETURN_IF_ERROR(store_->Get(key, 0, 1 << 30, options, [&](std::string_view data) {
      all += data;
      return absl::OkStatus();
    }));
    return all;
  }
  Status Delete(const std::string& key, const std::string& if_match = "") {
    const auto failures = store_->Delete({{key, if_match}});
    SPILLWAY_RETURN_IF_ERROR(failures.status());
    return failures->empty() ? absl::OkStatus() : failures->front().status;
  }
  StatusOr<PutResult> PutInParts(const std::string& key, const std::string& data,
                                 PutOptions options = {}) {
    options.part_bytes = 1 << 20;
    SPILLWAY_ASSIGN_OR_RETURN(const std::string id, store_->CreateMultipart(key, options));
    StringBody body(data);
    SPILLWAY_ASSIGN_OR_RETURN(const auto part, store_->UploadPart(key, id, 1, body, std::nullopt));
    return store_->CompleteMultipart(key, id, {part}, options);
  }
  StatusOr<PutResult> PutByMany(const std::string& key, PutOptions options = {}) {
    StringBody one("1");
    StringBody two("2");
    return store_->PutMany({{key, &one, options}, {"beside", &two, {}}})[0];
  }
  mode_t ModeOf(const std::string& key) {
    struct stat st {};
    EXPECT_EQ(::lstat((root_ + "/" + key).c_str(), &st), 0) << key;
    return st.st_mode & 07777;
  }
  // Of all calls that write to the key.
  std::vector<Status> Writes(const std::string& key) {
    return {Put(key, "x").status(),
            PutByMany(key).status(),
            PutInParts(key, "x").status(),
            store_->Copy("inside", key, {}).status(),
            Delete(key),
            Delete(key, "etag"),
            store_->MakeDirectory(key, 0755),
            store_->RemoveDirectory(key)};
  }
  std::vector<Status> Reads(const std::string& key) {
    return {Get(key).status(), store_->Head(key).status(), store_->LookUp(key).status(),
            store_->Copy(key, "copied", {}).status(), store_->List(key, "").status()};
  }

  TestDirectory directory_;
  const std::string outside_ = directory_.path() + "/outside";
  const std::string root_ = directory_.path() + "/root";
  RecordingFileCalls calls_{{.openat2 = GetParam()}};
  std::unique_ptr<LocalUnderStore> store_;
};

std::string NameOfKernel(const testing::TestParamInfo<bool>& info) {
  return info.param ? "noOpenat2" : "openat2";
}
INSTANTIATE_TEST_SUITE_P(Kernels, LocalUnderStoreTest, testing::Values(false, true), NameOfKernel);

TEST_P(LocalUnderStoreTest, linkToAFolderOutside_leadsNowhere) {
  ASSERT_TRUE(Put("inside", "data").ok());
  fs::create_directory_symlink(outside_, root_ + "/absolute");
  fs::create_directory_symlink("../outside", root_ + "/relative");
  fs::create_directory(root_ + "/d");
  fs::create_directory_symlink("../../outside", root_ + "/d/deep");
  for (const std::string link : {"absolute", "relative", "d/deep"}) {
    for (const auto& status : Reads(link + "/secret"))
      EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << link << status;
    EXPECT_EQ(store_->List(link, "").status().code(), StatusCode::kPermissionDenied);
    for (const std::string name : {"/secret", "/new", "/new/deeper"}) {
      for (const auto& status : Writes(link + name))
        EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << link << name << status;
    }
    EXPECT_TRUE(fs::is_symlink(root_ + "/" + link));
  }
  EXPECT_EQ(ReadFile(outside_ + "/secret"), "secret");
  EXPECT_EQ(std::distance(fs::directory_iterator(outside_), {}), 1);
  EXPECT_TRUE(store_->List("d", "")->directories.empty()) << "it is left out";
  EXPECT_EQ(store_->List("", "")->directories, std::vector<std::string>{"d"});
}

TEST_P(LocalUnderStoreTest, linkToAFileOutside_isNoObject) {
  ASSERT_TRUE(Put("inside", "data").ok());
  fs::create_symlink(outside_ + "/secret", root_ + "/link");
  for (const auto& status : Reads("link"))
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << status;
  ASSERT_EQ(store_->List("", "")->objects.size(), 1u);
  // Writes concern the link itself.
  PutOptions absent;
  absent.if_absent = true;
  EXPECT_EQ(Put("link", "x", absent).status().code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Put("link", "new").ok());
  EXPECT_FALSE(fs::is_symlink(root_ + "/link"));
  EXPECT_EQ(*Get("link"), "new");
  fs::create_symlink(outside_ + "/secret", root_ + "/link2");
  EXPECT_TRUE(Delete("link2").ok());
  EXPECT_FALSE(fs::is_symlink(root_ + "/link2"));
  EXPECT_EQ(ReadFile(outside_ + "/secret"), "secret");
}

TEST_P(LocalUnderStoreTest, linkThatStaysInside_isFollowedWhereTheKernelCan) {
  ASSERT_TRUE(Put("d/k", "data").ok());
  fs::create_directory_symlink("d", root_ + "/to-d");
  fs::create_symlink("../d/k", root_ + "/d/to-k");
  fs::create_symlink("nowhere", root_ + "/dangling");
  fs::create_symlink("circle", root_ + "/circle");
  EXPECT_EQ(store_->Head("dangling").ok(), false);
  if (GetParam()) {
    EXPECT_EQ(Get("to-d/k").status().code(), StatusCode::kPermissionDenied);
    EXPECT_EQ(store_->List("", "")->directories, std::vector<std::string>{"d"});
    return;
  }
  EXPECT_EQ(*Get("to-d/k"), "data");
  EXPECT_EQ(*Get("d/to-k"), "data");
  EXPECT_EQ(store_->List("", "")->directories, (std::vector<std::string>{"d", "to-d"}));
  EXPECT_TRUE(store_->List("", "")->objects.empty());
  EXPECT_EQ(store_->List("d", "")->objects.size(), 2u);
  ASSERT_TRUE(Put("to-d/new", "new").ok());
  EXPECT_EQ(*Get("d/new"), "new");
}

TEST_P(LocalUnderStoreTest, modes_neverActForTheOwner) {
  PutOptions options;
  options.mode = 07755;
  ASSERT_TRUE(Put("overwriting", "data", options).ok());
  ASSERT_TRUE(PutByMany("many", options).ok());
  ASSERT_TRUE(PutInParts("parts", "data", options).ok());
  ASSERT_TRUE(store_->MakeDirectory("folder", 07755).ok());
  options.if_absent = true;
  ASSERT_TRUE(Put("absent", "data", options).ok());
  ASSERT_TRUE(PutByMany("many-absent", options).ok());
  WriteFile(root_ + "/setuid", "data");
  ASSERT_EQ(::chmod((root_ + "/setuid").c_str(), 06755), 0);
  ASSERT_TRUE(store_->Copy("setuid", "copied", {}).ok());
  for (const char* key :
       {"overwriting", "many", "parts", "folder", "absent", "many-absent", "copied"})
    EXPECT_EQ(ModeOf(key), 0755u) << key;
  ASSERT_TRUE(Put("plain", "data").ok());
  EXPECT_EQ(ModeOf("plain"), 0644u);
}

TEST_P(LocalUnderStoreTest, keysThatAFolderCannotCarry_areRefusedEverywhere) {
  ASSERT_TRUE(Put("inside", "data").ok());
  PutOptions options;
  options.part_bytes = 10;
  ASSERT_TRUE(store_->CreateMultipart("upload", options).ok());
  const std::vector<std::string> bad{".spillway-uploads",
                                     ".spillway-uploads/x",
                                     ".Spillway-Uploads/x",
                                     "..",
                                     "../outside/secret",
                                     "d/../../outside/secret",
                                     "./inside",
                                     "d/.",
                                     "/inside",
                                     "d//k",
                                     "d/",
                                     std::string("a\0b", 3),
                                     "d/" + std::string(256, 'x'),
                                     std::string(5000, '/')};
  for (const std::string& key : bad) {
    EXPECT_EQ(store_->CheckKey(key).code(), StatusCode::kInvalidArgument) << key;
    for (const auto& status : Reads(key))
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << key << status;
    for (const auto& status : Writes(key))
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << key << status;
  }
  for (const std::string key : {"k", ".spillway-moving-1", "d/.spillway-uploads", "...", "d/..x"})
    EXPECT_TRUE(store_->CheckKey(key).ok()) << key;
  ASSERT_TRUE(Put("d/" + std::string(255, 'x'), "data").ok());
  EXPECT_EQ(store_->CheckKey("").code(), StatusCode::kInvalidArgument);
  fs::create_directory_symlink(".spillway-uploads", root_ + "/alias");
  EXPECT_EQ(Put("alias/k", "x").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(store_->List("alias", "").status().code(), StatusCode::kPermissionDenied);
}

TEST_P(LocalUnderStoreTest, uploadIds_areNoPaths) {
  ASSERT_TRUE(Put("inside", "data").ok());
  WriteFile(root_ + "/inside.parts-of-10", "data");
  for (const std::string id :
       {"../inside", "", ".", "..", "../inside.parts-of-10", "../../outside", "/etc.parts-of-10",
        "x.parts-of-", "x.parts-of--1", "x.parts-of-0"}) {
    StringBody body("x");
    EXPECT_EQ(store_->UploadPart("k", id, 1, body, std::nullopt).status().code(),
              StatusCode::kNotFound)
        << id;
    EXPECT_EQ(store_->CompleteMultipart("k", id, {{1, "", 0, 0}}, {}).status().code(),
              StatusCode::kNotFound)
        << id;
    EXPECT_TRUE(store_->AbortMultipart("k", id).ok()) << id;
  }
  EXPECT_EQ(*Get("inside"), "data");
  EXPECT_EQ(ReadFile(root_ + "/inside.parts-of-10"), "data");
}

TEST_P(LocalUnderStoreTest, partsThatAreNotTheUploads_areRefused) {
  PutOptions options;
  options.part_bytes = 4;
  const auto id = store_->CreateMultipart("k", options);
  std::vector<UploadedPart> parts;
  for (int number = 1; number <= 3; ++number) {
    StringBody body(number == 3 ? "xy" : "abcd");
    parts.push_back(*store_->UploadPart("k", *id, number, body, std::nullopt));
  }
  StringBody body("x");
  for (const int number : {0, -1, 2'000'000'000}) {
    const std::string huge = "0.parts-of-9000000000000000000";
    EXPECT_FALSE(store_->UploadPart("k", huge, number, body, std::nullopt).ok());
  }
  const auto complete = [&](std::vector<UploadedPart> given) {
    return store_->CompleteMultipart("k", *id, given, options).status().code();
  };
  EXPECT_EQ(complete({}), StatusCode::kInvalidArgument);
  EXPECT_EQ(complete({parts[0], parts[1]}), StatusCode::kInvalidArgument);
  EXPECT_EQ(complete({parts[0], parts[2], parts[1]}), StatusCode::kInvalidArgument);
  EXPECT_EQ(complete(parts), StatusCode::kOk);
  EXPECT_EQ(*Get("k"), "abcdabcdxy");
}

TEST_P(LocalUnderStoreTest, otherKindsOfFiles_areNoObjects) {
  ASSERT_EQ(::mkfifo((root_ + "/pipe").c_str(), 0644), 0);
  EXPECT_EQ(Get("pipe").status().code(), StatusCode::kNotFound) << "and nobody waits for a writer";
  EXPECT_EQ(store_->Head("pipe").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(store_->List("", "")->objects.empty());
  ASSERT_TRUE(store_->MakeDirectory("d", 0755).ok());
  EXPECT_TRUE(Delete("d").ok()) << "there is no such object";
  EXPECT_TRUE(fs::is_directory(root_ + "/d"));
  ASSERT_TRUE(Put("file", "data").ok());
  EXPECT_EQ(Put("file/below", "x").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Put("d", "x").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->RemoveDirectory("").code(), StatusCode::kInvalidArgument);
}

TEST_P(LocalUnderStoreTest, etag_isOfTheContent) {
  const auto first = Put("k", "same");
  ASSERT_TRUE(first.ok());
  const std::string etag = first->etag;
  EXPECT_EQ(store_->Head("k")->etag, etag);
  EXPECT_EQ(LocalUnderStore(root_).Head("k")->etag, etag) << "after a restart";
  fs::rename(root_ + "/k", root_ + "/moved");
  EXPECT_EQ(store_->Head("moved")->etag, etag) << "at another path";
  // The number of a file that is gone is given to the next one.
  std::set<std::string> etags{etag};
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Delete("k").ok());
    const auto put = Put("k", "same");
    ASSERT_TRUE(put.ok());
    EXPECT_TRUE(etags.insert(put->etag).second) << i;
    EXPECT_EQ(store_->Head("k")->etag, put->etag);
  }
}

TEST_P(LocalUnderStoreTest, conditions_ofReadsDeletesAndCopies) {
  const std::string etag = Put("k", "data")->etag;
  GetOptions get;
  get.if_match = etag;
  get.object_bytes = 4;
  EXPECT_EQ(*Get("k", get), "data");
  get.object_bytes = 5;
  EXPECT_EQ(Get("k", get).status().code(), StatusCode::kFailedPrecondition);
  get = {.if_match = "other"};
  EXPECT_EQ(Get("k", get).status().code(), StatusCode::kFailedPrecondition);

  CopyOptions copy;
  copy.source_if_match = "other";
  EXPECT_EQ(store_->Copy("k", "c", copy).status().code(), StatusCode::kFailedPrecondition);
  copy.source_if_match = etag;
  copy.source_bytes = 3;
  EXPECT_EQ(store_->Copy("k", "c", copy).status().code(), StatusCode::kFailedPrecondition);
  copy.source_bytes = 4;
  copy.if_absent = true;
  const auto copied = store_->Copy("k", "c", copy);
  ASSERT_TRUE(copied.ok());
  EXPECT_EQ(store_->Head("c")->etag, copied->etag);
  EXPECT_EQ(store_->Copy("k", "c", copy).status().code(), StatusCode::kFailedPrecondition);
  copy.if_absent = false;
  copy.if_match = "other";
  EXPECT_EQ(store_->Copy("k", "c", copy).status().code(), StatusCode::kFailedPrecondition);
  copy.if_match = copied->etag;
  EXPECT_TRUE(store_->Copy("k", "c", copy).ok());

  EXPECT_EQ(Delete("k", "other").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(*Get("k"), "data");
  EXPECT_TRUE(Delete("k", etag).ok());
  EXPECT_TRUE(Delete("k", etag).ok()) << "missing keys count as deleted";
  EXPECT_EQ(Get("k").status().code(), StatusCode::kNotFound);
}

TEST_P(LocalUnderStoreTest, nothingIsLeftInTheInternalFolder) {
  ASSERT_TRUE(Put("k", "1").ok());
  ASSERT_TRUE(Put("k", "2").ok());
  ASSERT_TRUE(PutInParts("m", "3").ok());
  PutOptions options;
  options.crc32c = 1;
  EXPECT_EQ(Put("k", "bad", options).status().code(), StatusCode::kDataLoss);
  options = {.if_match = "other"};
  EXPECT_EQ(Put("k", "conflict", options).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ + "/.spillway-uploads"), {}), 0);
}

TEST_P(LocalUnderStoreTest, rootThatWasRemoved_isMadeAgain) {
  ASSERT_TRUE(Put("k", "1").ok());
  fs::remove_all(root_);
  EXPECT_EQ(store_->Head("k").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(Put("d/k", "2").ok());
  EXPECT_EQ(ReadFile(root_ + "/d/k"), "2");
}

}  // namespace
}  // namespace spillway
