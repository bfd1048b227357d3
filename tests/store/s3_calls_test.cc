// The S3 module's calls over the strict store: what each believes, sends and leaves alone.
#include <gtest/gtest.h>

#include "common/checksum.h"
#include "store/s3_module.h"

namespace spillway::strict {
namespace {

class S3CallsTest : public testing::Test {
 protected:
  S3CallsTest() { Start(Profile()); }
  void Start(const Profile& profile) {
    module_.reset();
    StoreOptions options;
    options.profile = profile;
    options.min_part_bytes = 1;
    auto store = StrictStore::Start(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    Open(SettingsFor(*store_, StoreProfile::Everything()));
  }
  void Open(const S3Settings& settings) { module_ = OpenModule(settings, &clock_, &metrics_); }
  void OpenWithoutDeleteConditions() {
    StoreProfile profile = StoreProfile::Everything();
    profile.Set(StoreFeature::kMultiDeleteIfMatch, ::spillway::Support::kNo);
    profile.Set(StoreFeature::kDeleteIfMatch, ::spillway::Support::kNo);
    Open(SettingsFor(*store_, profile));
  }
  void AddRule(S3Call call, Deformation deformation, const std::string& name = "", int count = 1) {
    Rule rule;
    rule.call = call;
    rule.deformation = deformation;
    rule.name = name;
    rule.count = count;
    store_->AddRule(rule);
  }
  std::string EtagOf(const std::string& key) { return store_->ObjectsSnapshot().at(key).etag; }
  std::pair<Status, std::string> Read(int64_t offset, int64_t length,
                                      const GetOptions& options = {}) {
    std::string got;
    const Status status = module_->Get("k", offset, length, options, [&](std::string_view data) {
      got += data;
      return absl::OkStatus();
    });
    return {status, got};
  }
  std::vector<DeleteFailure> Delete(const std::vector<DeleteRequest>& requests) {
    auto failures = module_->Delete(requests);
    EXPECT_TRUE(failures.ok()) << failures.status();
    return failures.ok() ? *failures : std::vector<DeleteFailure>();
  }
  SystemClock clock_;
  Metrics metrics_;
  std::unique_ptr<StrictStore> store_;
  std::unique_ptr<S3UnderStore> module_;
};

TEST_F(S3CallsTest, newFile_takesOneRequest_andRenameTwo) {
  StringBody body("data");
  PutOptions options;
  options.if_absent = true;
  options.crc32c = Crc32c("data");
  const auto put = module_->Put("a", body, options);
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_EQ(store_->Requests().size(), 1u);
  store_->ClearRequests();
  CopyOptions copy;
  copy.if_absent = true;
  copy.source_if_match = put->etag;
  copy.source_bytes = 4;
  ASSERT_TRUE(module_->Copy("a", "b", copy).ok());
  EXPECT_TRUE(Delete({{"a", put->etag}}).empty());
  EXPECT_EQ(store_->Requests().size(), 2u);
}

TEST_F(S3CallsTest, read_isOfOneVersion) {
  store_->PutForeign("p/k", "0123456789");
  GetOptions version;
  version.if_match = EtagOf("p/k");
  version.object_bytes = 10;
  EXPECT_EQ(Read(2, 3, version).second, "234");
  EXPECT_EQ(Read(8, 100, version).second, "89");
  EXPECT_TRUE(Read(10, 5, version).first.ok());
  for (const bool ignored : {false, true}) {
    Profile profile;
    if (ignored) profile.conditional_get = Support::kIgnore;
    store_->SetProfile(profile);
    store_->PutForeign("p/k", "9876543210");
    for (const int64_t offset : {0, 2, 10}) {
      const auto [status, got] = Read(offset, 3, version);
      EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status;
      EXPECT_EQ(got, "");
    }
    EXPECT_EQ(module_->profile().Has(StoreFeature::kGetIfMatch), !ignored);
  }
  GetOptions longer;
  longer.object_bytes = 11;
  EXPECT_EQ(Read(2, 3, longer).first.code(), StatusCode::kFailedPrecondition);
}

TEST_F(S3CallsTest, rangeThatIsPassedOver_isCutOutOfTheWhole) {
  Profile profile;
  profile.range = Support::kIgnore;
  Start(profile);
  store_->PutForeign("p/k", "0123456789");
  EXPECT_EQ(Read(2, 3).second, "234");
  EXPECT_EQ(Read(8, 100).second, "89");
  EXPECT_EQ(Read(12, 3).second, "");
  EXPECT_TRUE(Read(12, 3).first.ok());
  EXPECT_FALSE(module_->profile().Has(StoreFeature::kGetRange));
  store_->PutSynthetic("p/k", 64 << 20);
  EXPECT_EQ(Read(1'000'000, 100'000).second.size(), 100'000u);
}

TEST_F(S3CallsTest, keysThatXmlCannotCarry_goOneByOne) {
  std::vector<DeleteRequest> requests;
  for (const char* key :
       {"plain", "a\x01z", "b\xef\xbf\xbf", "c\xef\xbf\xbe", "d&<>\"'\r\n", "other"})
    requests.push_back({key, ""});
  for (const DeleteRequest& request : requests) store_->PutForeign("p/" + request.key, "x");
  EXPECT_TRUE(Delete(requests).empty());
  EXPECT_TRUE(store_->ObjectsSnapshot().empty());
}

TEST_F(S3CallsTest, oneBadKey_holdsUpNoOther) {
  std::vector<DeleteRequest> requests;
  for (int i = 0; i < 20; ++i) {
    requests.push_back({"k" + std::to_string(i), ""});
    store_->PutForeign("p/" + requests.back().key, "x");
  }
  // Every batch is refused, and so is one key alone.
  AddRule(S3Call::kDeleteObjects, Deformation::kErrorCode, "MalformedXML", -1);
  Rule alone;
  alone.call = S3Call::kDeleteObject;
  alone.deformation = Deformation::kErrorCode;
  alone.name = "InvalidRequest";
  alone.key = "p/k7";
  alone.count = -1;
  store_->AddRule(alone);
  const auto failures = Delete(requests);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].key, "k7");
  EXPECT_EQ(failures[0].status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->ObjectsSnapshot().size(), 1u);
}

TEST_F(S3CallsTest, deletionAnswer_isBelievedForTheKeysThatItNames) {
  for (const char* key : {"p/a", "p/b", "p/c", "p/d"}) store_->PutForeign(key, "x");
  AddRule(S3Call::kDeleteObjects, Deformation::kListShortened);
  auto failures = Delete({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}});
  EXPECT_EQ(failures.size(), 2u);
  for (const DeleteFailure& failure : failures)
    EXPECT_EQ(failure.status.code(), StatusCode::kUnavailable);
  // An error that names no key: it must not end the process, and nothing is taken for deleted.
  AddRule(S3Call::kDeleteObjects, Deformation::kFieldMissing, "Key");
  failures = Delete({{"a", "0123"}, {"b", ""}, {"c", ""}});
  EXPECT_EQ(failures.size(), 3u);
}

TEST_F(S3CallsTest, deletionOfAVersion_leavesOthersAlone) {
  for (const bool multi : {true, false}) {
    StoreProfile profile = StoreProfile::Everything();
    if (!multi) profile.Set(StoreFeature::kMultiDeleteIfMatch, ::spillway::Support::kNo);
    Open(SettingsFor(*store_, profile));
    for (const char* key : {"p/right", "p/wrong"}) store_->PutForeign(key, "x");
    const auto failures =
        Delete({{"right", EtagOf("p/right")}, {"wrong", "0123"}, {"gone", "0123"}});
    ASSERT_EQ(failures.size(), 1u);
    EXPECT_EQ(failures[0].key, "wrong");
    EXPECT_EQ(failures[0].status.code(), StatusCode::kFailedPrecondition);
    EXPECT_EQ(store_->ObjectsSnapshot().count("p/wrong"), 1u);
    EXPECT_EQ(store_->ObjectsSnapshot().count("p/right"), 0u);
  }
}

TEST_F(S3CallsTest, deletionOfVersions_withoutTheCondition_looksAtManyByOneListing) {
  OpenWithoutDeleteConditions();
  std::vector<DeleteRequest> requests;
  for (int i = 0; i < 100; ++i) {
    const std::string key = "d/ü" + std::to_string(i);
    store_->PutForeign("p/" + key, "x" + std::to_string(i));
    requests.push_back({key, EtagOf("p/" + key)});
  }
  requests.push_back({"d/ügone", "0123"});
  store_->PutForeign("p/d/ü7", "another");
  store_->PutForeign("p/d/a", "before them");
  const auto failures = Delete(requests);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].key, "d/ü7");
  EXPECT_EQ(failures[0].status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->ObjectsSnapshot().size(), 2u);
  EXPECT_EQ(store_->Requests().size(), 1u + 2u + 99u) << "one listing, two looks, the deletions";
}

TEST_F(S3CallsTest, deletionOfVersions_listingThatFails_isLookedAtOneByOne) {
  OpenWithoutDeleteConditions();
  std::vector<DeleteRequest> requests;
  for (int i = 0; i < 10; ++i) {
    store_->PutForeign("p/d/" + std::to_string(i), "x");
    requests.push_back({"d/" + std::to_string(i), EtagOf("p/d/" + std::to_string(i))});
  }
  AddRule(S3Call::kListObjectsV2, Deformation::kHtmlPage);
  EXPECT_TRUE(Delete(requests).empty());
  EXPECT_TRUE(store_->ObjectsSnapshot().empty());
}

TEST_F(S3CallsTest, storeWithoutMultiDelete_isAskedForEach) {
  for (const Support support : {Support::kIgnore, Support::kRefuse}) {
    Profile profile;
    profile.multi_delete = support;
    Start(profile);
    std::vector<DeleteRequest> requests;
    for (int i = 0; i < 300; ++i) {
      requests.push_back({"k" + std::to_string(i), ""});
      store_->PutForeign("p/" + requests.back().key, "x");
    }
    EXPECT_TRUE(Delete(requests).empty());
    EXPECT_TRUE(store_->ObjectsSnapshot().empty());
    EXPECT_FALSE(module_->profile().Has(StoreFeature::kMultiDelete));
    EXPECT_EQ(store_->Requests().size(), 301u);
  }
}

TEST_F(S3CallsTest, conditions_sayWhatIsGone) {
  StringBody body("data");
  PutOptions over;
  over.if_match = "0123";
  const auto put = module_->Put("none", body, over);
  EXPECT_EQ(put.status().code(), StatusCode::kFailedPrecondition) << put.status();
  const auto complete =
      module_->CompleteMultipart("none", "no-such-upload", {{1, "0123", Crc32c("data"), 4}}, over);
  EXPECT_EQ(complete.status().code(), StatusCode::kNotFound) << complete.status();
  AddRule(S3Call::kPutObject, Deformation::kErrorCode, "NoSuchBucket");
  const auto bucket = module_->Put("none", body, over);
  EXPECT_EQ(bucket.status().code(), StatusCode::kNotFound);
  EXPECT_NE(Message(bucket.status()).find("NoSuchBucket"), std::string::npos);
  EXPECT_NE(Message(bucket.status()).find("s3://bucket/"), std::string::npos);
  AddRule(S3Call::kPutObject, Deformation::kErrorCode, "ConditionalRequestConflict");
  EXPECT_EQ(module_->Put("none", body, over).status().code(), StatusCode::kUnavailable);
}

TEST_F(S3CallsTest, silence_isNotDeath) {
  S3Settings settings = SettingsFor(*store_, StoreProfile::Everything());
  settings.socket_timeout_ms = 200;
  Open(settings);
  store_->PutForeign("p/k", "data");
  store_->SetDelayMs(S3Call::kCopyObject, 800);
  store_->SetDelayMs(S3Call::kCompleteMultipartUpload, 800);
  for (const int blanks_every_ms : {0, 50}) {
    store_->SetBlanksEveryMs(blanks_every_ms);
    EXPECT_TRUE(module_->Copy("k", "copy", {}).ok());
    const auto id = module_->CreateMultipart("m", {});
    ASSERT_TRUE(id.ok());
    StringBody body("data");
    const auto part = module_->UploadPart("m", *id, 1, body, std::nullopt);
    ASSERT_TRUE(part.ok());
    const auto done = module_->CompleteMultipart("m", *id, {*part}, {});
    EXPECT_TRUE(done.ok()) << done.status();
  }
  // An error behind blanks is this error.
  AddRule(S3Call::kCopyObject, Deformation::kErrorWith200, "AccessDenied");
  EXPECT_EQ(module_->Copy("k", "copy", {}).status().code(), StatusCode::kPermissionDenied);
}

TEST_F(S3CallsTest, bytesThatTrickle_areAStall) {
  S3Settings settings = SettingsFor(*store_, StoreProfile::Everything());
  settings.socket_timeout_ms = 200;
  Open(settings);
  store_->PutSynthetic("p/k", 100'000);
  Rule rule;
  rule.call = S3Call::kGetObject;
  rule.deformation = Deformation::kTrickle;
  rule.amount = 100;
  store_->AddRule(rule);
  const auto [status, got] = Read(0, 100'000);
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded) << status;
  EXPECT_NE(Message(status).find("1 KB/s"), std::string::npos) << status;
}

TEST_F(S3CallsTest, longCopies_areMadeOfParts) {
  for (const Support support : {Support::kYes, Support::kRefuse, Support::kIgnore}) {
    SCOPED_TRACE(SupportName(support));
    Profile profile;
    profile.multipart_copy = support;
    Start(profile);
    StoreProfile known = StoreProfile::Everything();
    known.Set(StoreFeature::kCopyPart, ::spillway::Support::kUnknown);
    S3Settings settings = SettingsFor(*store_, known);
    settings.copy_bytes_max = 8;
    settings.copy_part_bytes = 4;
    Open(settings);
    store_->PutForeign("p/k", "0123456789");
    CopyOptions options;
    options.source_if_match = EtagOf("p/k");
    options.source_bytes = 10;
    EXPECT_EQ(module_->Copy("k", "copy", options).status().code(), StatusCode::kInvalidArgument);
    const auto id = module_->CreateMultipart("copy", {});
    ASSERT_TRUE(id.ok());
    std::vector<UploadedPart> parts;
    for (int64_t at = 0; at < 10; at += module_->copy_part_bytes(10)) {
      const auto part = module_->CopyPart("k", at, std::min<int64_t>(4, 10 - at), "copy", *id,
                                          static_cast<int>(parts.size()) + 1, options);
      ASSERT_TRUE(part.ok()) << part.status();
      parts.push_back(*part);
    }
    ASSERT_TRUE(module_->CompleteMultipart("copy", *id, parts, {}).ok());
    EXPECT_EQ(store_->ObjectsSnapshot().at("p/copy").data.Flatten(), "0123456789");
    EXPECT_EQ(module_->profile().Has(StoreFeature::kCopyPart), support == Support::kYes);
    store_->PutForeign("p/k", "9876543210");
    const auto changed = module_->CopyPart("k", 0, 4, "copy", *id, 1, options);
    EXPECT_EQ(changed.status().code(), StatusCode::kFailedPrecondition) << changed.status();
  }
  EXPECT_EQ(module_->copy_part_bytes(1LL << 40), ((1LL << 40) / 10'000 / (1 << 20) + 1) << 20);
}

TEST_F(S3CallsTest, copyOfAnotherVersion_isNoSuccess) {
  for (const bool ignored : {false, true}) {
    Profile profile;
    if (ignored) profile.copy_source_match = Support::kIgnore;
    Start(profile);
    store_->PutForeign("p/k", "0123456789");
    CopyOptions options;
    options.source_if_match = EtagOf("p/k");
    options.source_bytes = 10;
    store_->PutForeign("p/k", "9876543210");
    Status status = module_->Copy("k", "copy", options).status();
    EXPECT_EQ(status.code(), ignored ? StatusCode::kUnavailable : StatusCode::kFailedPrecondition);
    EXPECT_EQ(module_->Copy("k", "copy", options).status().code(), StatusCode::kFailedPrecondition);
  }
}

TEST_F(S3CallsTest, copyOfAnotherVersionToANewKey_isTakenBack) {
  Profile profile;
  profile.copy_source_match = Support::kIgnore;
  Start(profile);
  store_->PutForeign("p/k", "0123456789");
  CopyOptions options;
  options.source_if_match = EtagOf("p/k");
  options.source_bytes = 10;
  options.if_absent = true;
  store_->PutForeign("p/k", "9876543210");
  for (const std::string target : {"copy", "another"}) {
    const Status status = module_->Copy("k", target, options).status();
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status;
    EXPECT_FALSE(store_->ObjectsSnapshot().contains("p/" + target));
  }
  EXPECT_EQ(store_->ObjectsSnapshot().at("p/k").data.Flatten(), "9876543210");
  options.source_if_match = EtagOf("p/k");
  EXPECT_TRUE(module_->Copy("k", "copy", options).ok()) << "the condition is passed over still";
}

TEST_F(S3CallsTest, keysThatS3CannotCarry_areRefused) {
  for (const std::string& key : {std::string("a"), std::string(1022, 'k'), std::string("\xc3\xa4")})
    EXPECT_TRUE(module_->CheckKey(key).ok()) << key;
  for (const std::string& key :
       {std::string(1023, 'k'), std::string("\xff"), std::string("a\0b", 3)})
    EXPECT_EQ(module_->CheckKey(key).code(), StatusCode::kInvalidArgument) << key;
}

TEST_F(S3CallsTest, listing_passesOverWhatCannotBeANameHere) {
  for (const char* key : {"p/d/good",
                          "p/d/\xff"
                          "bad",
                          "p/d/sub/x"})
    store_->PutForeign(key, "x");
  const auto page = module_->List("d", "");
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].key, "d/good");
  EXPECT_EQ(page->directories, std::vector<std::string>{"d/sub"});
  EXPECT_NE(metrics_.Serialize().find("spillway_understore_strange_answers_total"),
            std::string::npos);
}

TEST_F(S3CallsTest, listing_takesFoldersWithoutAnEtag) {
  store_->PutForeign("p/d/", "");
  Rule rule;
  rule.call = S3Call::kListObjectsV2;
  rule.deformation = Deformation::kFieldAbsurd;
  rule.name = "ETag";
  rule.value = "\"\"";
  store_->AddRule(rule);
  auto page = module_->List("d", "");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_TRUE(page->objects.empty());
  EXPECT_TRUE(store_->Rules().empty());
}

TEST_F(S3CallsTest, removedDirectory_losesItsMarkerAlone) {
  const auto deletes = [this] {
    size_t count = 0;
    for (const RequestRecord& record : store_->Requests()) count += record.method == "DELETE";
    return count;
  };
  store_->PutForeign("p/d/x", "data");
  ASSERT_TRUE(module_->RemoveDirectory("d").ok());
  EXPECT_EQ(deletes(), 0u) << "there is no marker";
  store_->PutForeign("p/d/", "");
  ASSERT_TRUE(module_->RemoveDirectory("d").ok());
  store_->PutForeign("p/d/", "");
  store_->PutForeign("p/d", "an object of the same name");
  ASSERT_TRUE(module_->RemoveDirectory("d").ok());
  EXPECT_EQ(deletes(), 2u);
  const auto objects = store_->ObjectsSnapshot();
  EXPECT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects.count("p/d/x") + objects.count("p/d"), 2u);
}

}  // namespace
}  // namespace spillway::strict
