// Every call of the S3 module against every deformation of its answer. What must come of each
// combination follows from its kind; none is written down by hand.
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/ascii.h"
#include "store/answer_cases.h"
#include "understore/s3/send.h"

namespace spillway::strict {
namespace {

using D = Deformation;

bool Digits(const std::string& text) {
  return !text.empty() && text.size() < 15 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

// What a value must be like to be taken for the field's.
bool Believable(const std::string& name, std::string value, bool header) {
  // Blanks around a header's value do not belong to it.
  if (header) value = std::string(absl::StripAsciiWhitespace(value));
  if (name == "Size" || name == "Content-Length" || name == "KeyCount") return Digits(value);
  if (name == "IsTruncated") return value == "true" || value == "false";
  if (name == "LastModified" || name == "Initiated" || name == "Last-Modified") return false;
  if (name == "ETag")
    return !value.empty() && value != "\"\"" && value.find_first_of(" \"") == std::string::npos;
  return !value.empty();
}

// Fields without which, or with an unbelievable value of which, there is no answer.
bool Needed(const CallCase& call, const std::string& name) {
  static const std::map<S3Call, std::set<std::string>> kNeeded{
      {S3Call::kPutObject, {"ETag"}},
      {S3Call::kGetObject, {"ETag", "Content-Range"}},
      {S3Call::kHeadObject, {"ETag", "Content-Length"}},
      {S3Call::kDeleteObjects, {"Key"}},
      {S3Call::kListObjectsV2, {"Key", "Size", "IsTruncated"}},
      {S3Call::kListObjectsV1, {"Key", "Size", "IsTruncated"}},
      {S3Call::kCreateMultipartUpload, {"UploadId"}},
      {S3Call::kUploadPart, {"ETag"}},
      {S3Call::kUploadPartCopy, {"ETag"}},
      {S3Call::kCompleteMultipartUpload, {"ETag"}},
      {S3Call::kListMultipartUploads, {"Key", "UploadId", "Initiated", "IsTruncated"}},
      {S3Call::kCopyObject, {"ETag"}}};
  const auto it = kNeeded.find(call.call);
  return it != kNeeded.end() && it->second.count(name) > 0;
}

bool Deletes(const CallCase& call) {
  return call.call == S3Call::kDeleteObject || call.call == S3Call::kAbortMultipartUpload;
}

// A store that cannot do something is asked in another way, or for less at once.
bool Undone(const CallCase& call, const Rule& rule) {
  const bool nothing = rule.name == "NotModified" && call.call == S3Call::kUploadPartCopy;
  const bool too_much = rule.status == 400 && call.call == S3Call::kDeleteObjects;
  return nothing || too_much || rule.name == "NotImplemented" || rule.name == "MethodNotAllowed" ||
         rule.status == 501 || rule.status == 405;
}

// A deletion is believed if the store says without a body that it was done, or that there is
// nothing to delete.
bool Believed(const CallCase& call, const Rule& rule) {
  if (!Deletes(call)) return false;
  const bool aborts = call.call == S3Call::kAbortMultipartUpload;
  if (rule.deformation == D::kStatus)
    return rule.status / 100 == 2 || (aborts && rule.status == 404);
  if (rule.deformation == D::kErrorWith200) return ErrorByCode(rule.name)->status == 304;
  if (rule.deformation != D::kErrorCode) return false;
  return aborts ? ErrorByCode(rule.name)->status == 404 : rule.name == "NoSuchKey";
}

// True if a success must not be made of this.
bool MustFail(const CallCase& call, const Rule& rule) {
  switch (rule.deformation) {
    case D::kWrongRoot:
      // Stores call this one differently.
      return call.call != S3Call::kCreateMultipartUpload;
    case D::kMalformedXml:
    case D::kRangeMisnamed:
    case D::kRangeOther:
    case D::kRangeShort:
    case D::kRangeUnnamed:
    case D::kGarbage:
    case D::kRedirect:
      return true;
    case D::kHtmlPage:
      // A HEAD has no page, but no etag either.
      return true;
    case D::kEmptyBody:
      // A store that answers nothing to a copied part does not copy parts: the bytes go through
      // here.
      return AnswersXml(call.call) && call.call != S3Call::kUploadPartCopy;
    case D::kCutOff:
      return AnswersXml(call.call) || call.call == S3Call::kGetObject;
    case D::kFieldMissing:
    case D::kHeaderMissing:
      return Needed(call, rule.name) && call.call != S3Call::kDeleteObjects;
    case D::kFieldAbsurd:
    case D::kHeaderAbsurd:
      return Needed(call, rule.name) &&
             !Believable(rule.name, rule.value, rule.deformation == D::kHeaderAbsurd);
    case D::kErrorWith200:
    case D::kStatus:
      return !Undone(call, rule) && !Believed(call, rule);
    default:
      return false;
  }
}

// Statuses that an error with this HTTP status can stand for.
bool Fits(int http_status, const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return true;  // of these, what must fail is checked elsewhere
    case StatusCode::kUnavailable:
    case StatusCode::kResourceExhausted:
      return true;  // tried again
    case StatusCode::kPermissionDenied:
      return http_status == 401 || http_status == 403;
    case StatusCode::kNotFound:
      return http_status == 404;
    case StatusCode::kFailedPrecondition:
      return http_status == 404 || http_status == 409 || http_status == 412;
    default:
      return http_status < 500 || http_status == 501;
  }
}

class AnswersTest : public testing::TestWithParam<CallCase> {
 protected:
  AnswersTest() {
    StoreOptions options;
    options.manual_effects = true;
    options.min_part_bytes = 1;
    auto store = StrictStore::Start(options);
    if (store.ok()) store_ = *std::move(store);
  }

  void Check(const CallCase& call, const Rule& rule) {
    SCOPED_TRACE(call.name + " / " + NameOfRule(rule));
    PrepareStore(store_.get());
    StoreProfile profile = StoreProfile::Everything();
    if (call.first_version) profile.Set(StoreFeature::kListV2, ::spillway::Support::kNo);
    S3Settings settings = SettingsFor(*store_, profile);
    settings.request_timeout_ms = 4000;
    settings.copy_timeout_ms = 4000;
    settings.complete_timeout_ms = 4000;
    settings.list_length = 2;
    const auto module = OpenModule(settings, &clock_, &metrics_);
    ASSERT_TRUE(module->CreateMultipart("up", PutOptions()).ok());
    Rule deformed = rule;
    deformed.call = call.call;
    store_->AddRule(deformed);
    const CaseResult result = call.run(*module, *store_, AlteredBy(call, rule));
    ++combinations_;
    EXPECT_TRUE(store_->Rules().empty()) << "the rule met no request";
    EXPECT_TRUE(OthersUntouched(store_.get()));
    const bool flipped = rule.deformation == D::kByteFlipped && call.call == S3Call::kGetObject;
    EXPECT_TRUE(result.right || flipped) << "wrong data; " << result.status;
    EXPECT_FALSE(MustFail(call, rule) && result.status.ok());
    CheckCode(rule, result.status);
    CheckEffect(call, rule, result.status);
  }

  // Names of the results that cannot be right any more.
  static std::string AlteredBy(const CallCase& call, const Rule& rule) {
    if (rule.deformation == D::kListShortened) return "entries";
    if (rule.name == "Contents" || rule.name == "CommonPrefixes" || rule.name == "Upload")
      return "entries";
    return rule.name;
  }

  void CheckCode(const Rule& rule, const Status& status) {
    EXPECT_NE(status.code(), StatusCode::kInternal) << status;
    if (rule.deformation == D::kErrorCode) {
      // Some of these are said with 400.
      const int http = IsCredentialsRefusal(rule.name) ? 403 : ErrorByCode(rule.name)->status;
      EXPECT_TRUE(Fits(http, status) || Fits(ErrorByCode(rule.name)->status, status)) << status;
    } else if (rule.deformation == D::kStatus && rule.status >= 400) {
      EXPECT_TRUE(Fits(rule.status, status)) << status;
    } else if (rule.deformation != D::kErrorWith200 && rule.deformation != D::kRedirect &&
               rule.deformation != D::kStatusWithError && !status.ok()) {
      // No answer: nobody may conclude anything from it. A page with an etag is another object.
      EXPECT_TRUE(MayHaveHappened(status) || status.code() == StatusCode::kFailedPrecondition ||
                  status.code() == StatusCode::kInvalidArgument)
          << status;
    }
  }

  void CheckEffect(const CallCase& call, const Rule& rule, const Status& status) {
    if (call.happened == nullptr) return;
    EXPECT_TRUE(!status.ok() || Believed(call, rule) || call.happened(*store_))

        << "OK, but it did not happen";
    store_->AdvanceMs(10'000);
    EXPECT_TRUE(status.ok() || !call.happened(*store_) || MayHaveHappened(status))
        << "it happened, but " << status;
  }

  std::unique_ptr<StrictStore> store_;
  SystemClock clock_;
  Metrics metrics_;
  int combinations_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Calls, AnswersTest, testing::ValuesIn(AllCallCases()),
                         [](const auto& info) { return info.param.name; });

TEST_P(AnswersTest, everyDeformation_comesToWhatItsKindAllows) {
  ASSERT_NE(store_, nullptr);
  for (const Rule& rule : RulesFor(GetParam().call)) Check(GetParam(), rule);
  std::printf("%s: %d combinations\n", GetParam().name.c_str(), combinations_);
  EXPECT_GE(combinations_, 200);
  EXPECT_NE(metrics_.Serialize().find("spillway_understore_strange_answers_total{call="),
            std::string::npos);
}

}  // namespace
}  // namespace spillway::strict
