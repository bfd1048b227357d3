// What a store supports, and what it does about the rest.
#pragma once

#include <string>
#include <vector>

namespace spillway::strict {

enum class Support {
  kYes,
  kIgnore,  // takes the header, element or parameter for not sent
  kRefuse,  // answers 501 NotImplemented
};

struct Profile {
  Support conditional_put = Support::kYes;       // If-Match, If-None-Match of PutObject
  Support conditional_complete = Support::kYes;  // the same of CompleteMultipartUpload
  Support conditional_copy = Support::kYes;      // the same of CopyObject, about its target
  Support copy_source_match = Support::kYes;     // x-amz-copy-source-if-*
  Support conditional_delete = Support::kYes;    // If-Match of DeleteObject
  Support conditional_get = Support::kYes;       // If-Match, If-None-Match of GetObject, HeadObject
  // kRefuse answers 405 MethodNotAllowed, kIgnore 501 NotImplemented: no store can ignore the call.
  Support multi_delete = Support::kYes;
  Support multi_delete_etag = Support::kYes;  // <ETag> of an <Object> of DeleteObjects
  // kIgnore: list-type=2 is answered as V1 is.
  Support list_v2 = Support::kYes;
  Support checksums = Support::kYes;  // x-amz-checksum-* and their elements
  Support range = Support::kYes;      // kIgnore: 200 and the whole object
  // kIgnore: x-amz-copy-source of UploadPartCopy is ignored, so that the (empty) body is the part.
  Support multipart_copy = Support::kYes;
};

struct Feature {
  const char* name;  // as in JSON and on the command line
  Support Profile::*member;
};
const std::vector<Feature>& AllFeatures();
// "yes", "ignore", "refuse"
std::string SupportName(Support support);
// False if there is no such feature, or value is none of the names.
bool SetFeature(const std::string& feature, const std::string& value, Profile* profile);

}  // namespace spillway::strict
