#include "store/world.h"

namespace spillway::strict {
namespace {

struct HeaderRule {
  Support Profile::*feature;
  S3Call call;
  const char* prefix;  // of the headers' names
};

const std::vector<HeaderRule>& HeaderRules() {
  static const auto* const rules = new std::vector<HeaderRule>{
      {&Profile::conditional_put, S3Call::kPutObject, "if-"},
      {&Profile::conditional_complete, S3Call::kCompleteMultipartUpload, "if-"},
      {&Profile::conditional_copy, S3Call::kCopyObject, "if-"},
      {&Profile::copy_source_match, S3Call::kCopyObject, "x-amz-copy-source-if-"},
      {&Profile::copy_source_match, S3Call::kUploadPartCopy, "x-amz-copy-source-if-"},
      {&Profile::conditional_delete, S3Call::kDeleteObject, "if-"},
      {&Profile::conditional_get, S3Call::kGetObject, "if-"},
      {&Profile::conditional_get, S3Call::kHeadObject, "if-"},
      {&Profile::range, S3Call::kGetObject, "range"},
      {&Profile::range, S3Call::kHeadObject, "range"},
  };
  return *rules;
}

std::optional<Answer> TakeHeaders(Support support, const std::string& prefix, Exchange* x) {
  if (support == Support::kYes || !x->request.EraseHeaders(prefix)) return std::nullopt;
  if (support == Support::kIgnore) return std::nullopt;
  return ErrorAnswer("NotImplemented", "", {{"Header", prefix}});
}

}  // namespace

std::optional<Answer> ApplyProfile(Exchange* x) {
  const Profile& profile = x->profile;
  for (const HeaderRule& rule : HeaderRules()) {
    if (rule.call != *x->call) continue;
    if (auto refusal = TakeHeaders(profile.*rule.feature, rule.prefix, x)) return refusal;
  }
  for (const char* prefix : {"x-amz-checksum-", "x-amz-sdk-checksum-"}) {
    if (auto refusal = TakeHeaders(profile.checksums, prefix, x)) return refusal;
  }
  if (x->call == S3Call::kDeleteObjects && profile.multi_delete != Support::kYes) {
    return ErrorAnswer(profile.multi_delete == Support::kRefuse ? "MethodNotAllowed"
                                                                : "NotImplemented");
  }
  if (x->call == S3Call::kListObjectsV2 && profile.list_v2 == Support::kRefuse)
    return ErrorAnswer("NotImplemented");
  if (x->call == S3Call::kUploadPartCopy && profile.multipart_copy == Support::kRefuse)
    return ErrorAnswer("NotImplemented");
  return std::nullopt;
}

}  // namespace spillway::strict
