// The calls of S3 that the strict store knows, and what their answers hold. Tables of tests iterate
// over these.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::strict {

enum class S3Call {
  kPutObject,
  kGetObject,
  kHeadObject,
  kDeleteObject,
  kDeleteObjects,
  kListObjectsV2,
  kListObjectsV1,
  kCreateMultipartUpload,
  kUploadPart,
  kUploadPartCopy,
  kCompleteMultipartUpload,
  kAbortMultipartUpload,
  kListMultipartUploads,
  kListParts,
  kCopyObject,
  kHeadBucket,
};

const std::vector<S3Call>& AllCalls();
// "PutObject"
std::string CallName(S3Call call);
std::optional<S3Call> CallByName(std::string_view name);

// Whether an answer of success has an XML body.
bool AnswersXml(S3Call call);
// The root element of such an answer; empty if there is none.
std::string RootOf(S3Call call);
// The elements that such an answer can hold.
std::vector<std::string> FieldsOf(S3Call call);
// The headers that an answer of success can have beside Date, Content-Length and the request's id.
std::vector<std::string> HeadersOf(S3Call call);

// One error code of S3.
struct S3Error {
  const char* code;
  int status;
  const char* message;
};
const std::vector<S3Error>& AllErrors();
// Null if S3 has no such code.
const S3Error* ErrorByCode(std::string_view code);

}  // namespace spillway::strict
