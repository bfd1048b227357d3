#include "understore/s3/calls.h"
#include "understore/s3/object_headers.h"

namespace spillway {

StatusOr<PutResult> S3UnderStore::Put(const std::string& key, BodySource& body,
                                      const PutOptions& options) {
  static const AnswerRule kRule{"put_object", {200}, {{"etag", FieldKind::kEtag}}};
  const S3Belief belief{options.if_absent, options.if_match};
  const StoreFeature feature =
      options.if_absent ? StoreFeature::kPutIfAbsent : StoreFeature::kPutIfMatch;
  S3Request request;
  request.method = "PUT";
  request.key = client_->FullKey(key);
  request.body = &body;
  request.headers["content-type"] = "application/octet-stream";
  SPILLWAY_RETURN_IF_ERROR(AddDigest(options.crc32c, body, &request.headers));
  AddObjectHeaders(client_->settings(), &request.headers);
  SPILLWAY_ASSIGN_OR_RETURN(const auto answer,
                            CallBelieving(feature, key, belief, options.crc32c, request, kRule));
  return PutResult{StripEtag(answer->header("etag"))};
}

}  // namespace spillway
