#include <algorithm>

#include "store/stranger/stranger.h"

namespace spillway::strict {
namespace {

using D = Deformation;

bool KeyMatches(const std::string& filter, const std::string& key) {
  if (filter.empty()) return true;
  if (filter.back() == '*') return key.starts_with(filter.substr(0, filter.size() - 1));
  return filter == key;
}

bool IsList(S3Call call) {
  return call == S3Call::kListObjectsV1 || call == S3Call::kListObjectsV2 ||
         call == S3Call::kListMultipartUploads || call == S3Call::kListParts ||
         call == S3Call::kDeleteObjects;
}

}  // namespace

const std::vector<DeformationInfo>& AllDeformations() {
  static const auto* const all = new std::vector<DeformationInfo>{
      {D::kWrongRoot, "wrong_root", "name"},
      {D::kHtmlPage, "html_page", ""},
      {D::kEmptyBody, "empty_body", ""},
      {D::kCutOff, "cut_off", "amount"},
      {D::kMalformedXml, "malformed_xml", ""},
      {D::kListShortened, "list_shortened", ""},
      {D::kFieldMissing, "field_missing", "name"},
      {D::kFieldAbsurd, "field_absurd", "name value"},
      {D::kFieldTwice, "field_twice", "name value"},
      {D::kByteFlipped, "byte_flipped", ""},
      {D::kBodyLonger, "body_longer", "amount"},
      {D::kHeaderMissing, "header_missing", "name"},
      {D::kHeaderAbsurd, "header_absurd", "name value"},
      {D::kNoContentLength, "no_content_length", ""},
      {D::kStatus, "status", "status"},
      {D::kStatusWithError, "status_with_error", "status name"},
      {D::kErrorCode, "error_code", "name"},
      {D::kErrorWith200, "error_with_200", "name"},
      {D::kRedirect, "redirect", "status value name"},
      {D::kRangeMisnamed, "range_misnamed", "amount"},
      {D::kRangeOther, "range_other", "amount"},
      {D::kRangeShort, "range_short", ""},
      {D::kRangeIgnored, "range_ignored", ""},
      {D::kRangeUnnamed, "range_unnamed", ""},
      {D::kSlowFirstByte, "slow_first_byte", "ms"},
      {D::kBlanks, "blanks", "ms amount"},
      {D::kTrickle, "trickle", "amount"},
      {D::kEffectNoAnswer, "effect_no_answer", ""},
      {D::kNoEffectNoAnswer, "no_effect_no_answer", ""},
      {D::kEffectLater, "effect_later", "ms status"},
      {D::kGarbage, "garbage", "value"},
  };
  return *all;
}

std::string DeformationName(Deformation deformation) {
  return AllDeformations()[static_cast<size_t>(deformation)].name;
}

std::optional<Deformation> DeformationByName(std::string_view name) {
  for (const DeformationInfo& info : AllDeformations()) {
    if (info.name == name) return info.deformation;
  }
  return std::nullopt;
}

bool Applies(Deformation deformation, S3Call call) {
  switch (deformation) {
    case D::kWrongRoot:
    case D::kMalformedXml:
    case D::kFieldMissing:
    case D::kFieldAbsurd:
    case D::kFieldTwice:
    case D::kBlanks:
      return AnswersXml(call);
    case D::kEmptyBody:
    case D::kByteFlipped:
    case D::kTrickle:
    case D::kNoContentLength:
      return AnswersXml(call) || call == S3Call::kGetObject;
    case D::kListShortened:
      return IsList(call);
    case D::kCutOff:
    case D::kBodyLonger:
      return call != S3Call::kHeadObject && call != S3Call::kHeadBucket &&
             call != S3Call::kDeleteObject && call != S3Call::kAbortMultipartUpload;
    case D::kRangeMisnamed:
    case D::kRangeOther:
    case D::kRangeShort:
    case D::kRangeIgnored:
    case D::kRangeUnnamed:
      return call == S3Call::kGetObject;
    case D::kHeaderMissing:
    case D::kHeaderAbsurd:
      return !HeadersOf(call).empty();
    default:
      return true;
  }
}

const std::vector<std::string>& AbsurdValues() {
  static const auto* const values = new std::vector<std::string>{
      "",    "-1",   "0",  "99999999999999999999", "9223372036854775807",  "1e3", "abc", "\"\"",
      "../", "true", " 7", "18446744073709551615", "-9223372036854775808", "\"",  "7 ",  "%zz"};
  return *values;
}

int64_t Stranger::AddRule(Rule rule) {
  absl::MutexLock lock(&mutex_);
  rule.id = ++last_id_;
  rules_.push_back(std::move(rule));
  return last_id_;
}

void Stranger::ClearRules() {
  absl::MutexLock lock(&mutex_);
  rules_.clear();
}

std::vector<Rule> Stranger::Rules() const {
  absl::MutexLock lock(&mutex_);
  return rules_;
}

std::optional<Rule> Stranger::Take(const Exchange& x) {
  const std::string& key = x.key.empty() ? x.QueryValue("prefix") : x.key;
  absl::MutexLock lock(&mutex_);
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    if ((rule->call && rule->call != x.call) || !KeyMatches(rule->key, key) || rule->count == 0)
      continue;
    if (rule->skip > 0) {
      --rule->skip;
      continue;
    }
    const Rule taken = *rule;
    if (rule->count > 0 && --rule->count == 0) rules_.erase(rule);
    return taken;
  }
  return std::nullopt;
}

bool HasEffect(const Rule& rule) {
  if (rule.effect) return *rule.effect;
  switch (rule.deformation) {
    case D::kStatus:
    case D::kStatusWithError:
    case D::kErrorCode:
    case D::kErrorWith200:
    case D::kRedirect:
    case D::kNoEffectNoAnswer:
    case D::kEffectLater:
      return false;
    default:
      return true;
  }
}

}  // namespace spillway::strict
