// What the S3 module finds out about stores that lack something, and what it does there.
#include <gtest/gtest.h>

#include "common/checksum.h"
#include "store/s3_module.h"

namespace spillway::strict {
namespace {

using Feature = StoreFeature;

// What a store has that lacks one thing.
StoreProfile Expected(const std::string& lacks) {
  static const std::map<std::string, std::vector<Feature>> kLost{
      {"conditional_put", {Feature::kPutIfAbsent, Feature::kPutIfMatch}},
      {"conditional_complete", {Feature::kCompleteConditions}},
      {"conditional_copy", {Feature::kCopyConditions}},
      {"conditional_delete", {Feature::kDeleteIfMatch}},
      {"conditional_get", {Feature::kGetIfMatch}},
      {"multi_delete", {Feature::kMultiDelete, Feature::kMultiDeleteIfMatch}},
      {"multi_delete_etag", {Feature::kMultiDeleteIfMatch}},
      {"list_v2", {Feature::kListV2}},
      {"checksums", {Feature::kChecksums}},
      {"range", {Feature::kGetRange}},
      {"multipart_copy", {Feature::kCopyPart}}};
  StoreProfile profile = StoreProfile::Everything();
  const auto lost = kLost.find(lacks);
  if (lost != kLost.end()) {
    for (const Feature feature : lost->second) profile.Set(feature, ::spillway::Support::kNo);
  }
  return profile;
}

class S3ProbeTest : public testing::Test {
 protected:
  void Start(const Profile& profile) {
    module_.reset();
    StoreOptions options;
    options.profile = profile;
    options.min_part_bytes = 1;
    auto store = StrictStore::Start(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    module_ = OpenModule(SettingsFor(*store_, StoreProfile()), &clock_);
  }
  SystemClock clock_;
  std::unique_ptr<StrictStore> store_;
  std::unique_ptr<S3UnderStore> module_;
};

TEST_F(S3ProbeTest, everyFeatureThatAStoreLacks_isFoundOut_andNothingIsLeft) {
  for (const strict::Feature& feature : AllFeatures()) {
    for (const Support support : {Support::kYes, Support::kIgnore, Support::kRefuse}) {
      const std::string name = feature.name;
      SCOPED_TRACE(name + "=" + SupportName(support));
      Profile profile;
      profile.*feature.member = support;
      Start(profile);
      store_->PutForeign("p/foreign", "data");
      const Status status = module_->Probe(".spillway-probe");
      ASSERT_TRUE(status.ok()) << status;
      const StoreProfile want = Expected(support == Support::kYes ? "" : name);
      EXPECT_EQ(module_->profile().ToString(), want.ToString());
      EXPECT_EQ(store_->ObjectsSnapshot().size(), 1u);
      EXPECT_TRUE(store_->OpenUploads().empty());
      store_->ClearRequests();
      EXPECT_TRUE(module_->Probe(".spillway-probe").ok());
      EXPECT_TRUE(store_->Requests().empty()) << "nothing is asked twice";
    }
  }
}

TEST_F(S3ProbeTest, storeThatDoesNotAnswer_isAskedAgain_andNothingIsLeft) {
  Start(Profile());
  for (int skip : {0, 3, 9, 15, 21}) {
    Rule rule;
    rule.deformation = Deformation::kErrorCode;
    rule.name = "ServiceUnavailable";
    rule.skip = skip;
    store_->AddRule(rule);
    const Status status = module_->Probe("probe");
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << skip;
    EXPECT_TRUE(store_->ObjectsSnapshot().empty()) << skip;
    EXPECT_TRUE(store_->OpenUploads().empty()) << skip;
    store_->ClearRules();
    module_ = OpenModule(SettingsFor(*store_, StoreProfile()), &clock_);
  }
  ASSERT_TRUE(module_->Probe("probe").ok());
  EXPECT_EQ(module_->profile(), StoreProfile::Everything());
}

TEST_F(S3ProbeTest, bucketThatMustNotBeWritten_isTakenToHaveNothing) {
  Start(Profile());
  Rule rule;
  rule.call = S3Call::kPutObject;
  rule.deformation = Deformation::kErrorCode;
  rule.name = "AccessDenied";
  rule.count = -1;
  store_->AddRule(rule);
  EXPECT_TRUE(module_->Probe("probe").ok());
  EXPECT_TRUE(module_->profile().complete());
  EXPECT_FALSE(module_->profile().Has(Feature::kPutIfAbsent));
}

TEST_F(S3ProbeTest, storeWithoutConditions_isLookedAtFirst) {
  for (const Support support : {Support::kIgnore, Support::kRefuse}) {
    for (const bool probed : {true, false}) {
      SCOPED_TRACE(SupportName(support) + (probed ? " probed" : " unknown"));
      Profile profile;
      for (const auto member : {&Profile::conditional_put, &Profile::conditional_complete,
                                &Profile::conditional_copy, &Profile::conditional_delete}) {
        profile.*member = support;
      }
      Start(profile);
      ASSERT_TRUE(!probed || module_->Probe("probe").ok());
      store_->PutForeign("p/there", "foreign");
      store_->PutForeign("p/from", "from");
      StringBody body("data");
      PutOptions put;
      put.if_absent = true;
      EXPECT_EQ(module_->Put("there", body, put).status().code(), StatusCode::kFailedPrecondition);
      EXPECT_TRUE(module_->Put("new", body, put).ok());
      PutOptions over;
      over.if_match = "0123";
      EXPECT_EQ(module_->Put("there", body, over).status().code(), StatusCode::kFailedPrecondition);
      EXPECT_EQ(module_->Put("gone", body, over).status().code(), StatusCode::kFailedPrecondition);
      CopyOptions copy;
      copy.if_absent = true;
      EXPECT_EQ(module_->Copy("from", "there", copy).status().code(),
                StatusCode::kFailedPrecondition);
      const auto failures = module_->Delete({{"there", "0123"}, {"none", "0123"}, {"new", ""}});
      ASSERT_TRUE(failures.ok());
      ASSERT_EQ(failures->size(), 1u);
      EXPECT_EQ((*failures)[0].key, "there");
      EXPECT_EQ((*failures)[0].status.code(), StatusCode::kFailedPrecondition);
      const auto objects = store_->ObjectsSnapshot();
      EXPECT_EQ(objects.at("p/there").data.Flatten(), "foreign");
      EXPECT_EQ(objects.size(), 2u);
    }
  }
}

TEST_F(S3ProbeTest, storeWithoutChecksums_isGivenTheMd5) {
  Profile profile;
  profile.checksums = Support::kRefuse;
  Start(profile);
  StringBody body("data");
  PutOptions options;
  options.if_absent = true;
  options.crc32c = Crc32c("data");
  ASSERT_TRUE(module_->Put("k", body, options).ok());
  EXPECT_EQ(module_->profile().Get(Feature::kChecksums), ::spillway::Support::kNo);
  EXPECT_NE(module_->profile().Get(Feature::kPutIfAbsent), ::spillway::Support::kNo)
      << "the condition was not what it refused";
  EXPECT_EQ(store_->Requests().back().headers.count("content-md5"), 1u);
  options.if_absent = false;
  options.crc32c = 1;
  EXPECT_EQ(module_->Put("k", body, options).status().code(), StatusCode::kDataLoss);
}

TEST_F(S3ProbeTest, uploadIdInADocumentOfAnotherName_isRead) {
  Start(Profile());
  Rule rule;
  rule.call = S3Call::kCreateMultipartUpload;
  rule.deformation = Deformation::kWrongRoot;
  rule.name = "InitiateMultipartUpload";
  rule.count = -1;
  store_->AddRule(rule);
  const Status status = module_->Probe("probe");
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(module_->profile(), StoreProfile::Everything());
  EXPECT_TRUE(store_->OpenUploads().empty());
  const auto id = module_->CreateMultipart("k", PutOptions());
  ASSERT_TRUE(id.ok()) << id.status();
  ASSERT_EQ(store_->OpenUploads().size(), 1u);
  EXPECT_EQ(store_->OpenUploads()[0].id, *id);
}

TEST_F(S3ProbeTest, listingOfTheFirstVersion_isReadToItsEnd) {
  Profile profile;
  profile.list_v2 = Support::kIgnore;
  Start(profile);
  S3Settings settings = SettingsFor(*store_, StoreProfile());
  settings.list_length = 3;
  module_ = OpenModule(settings, &clock_);
  for (int i = 0; i < 25; ++i) {
    store_->PutForeign("p/d/" + std::to_string(i), "x");
    store_->PutForeign("p/d/sub" + std::to_string(i) + "/x", "x");
  }
  size_t objects = 0;
  size_t directories = 0;
  std::string token;
  for (int pages = 0; pages < 100; ++pages) {
    const auto page = module_->List("d", token);
    ASSERT_TRUE(page.ok()) << page.status();
    objects += page->objects.size();
    directories += page->directories.size();
    token = page->next_token;
    if (token.empty()) break;
  }
  EXPECT_EQ(objects, 25u);
  EXPECT_EQ(directories, 25u);
  EXPECT_EQ(module_->profile().Get(Feature::kListV2), ::spillway::Support::kNo);
}

}  // namespace
}  // namespace spillway::strict
