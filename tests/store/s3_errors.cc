// The error codes of S3 with their statuses, as the AWS reference "Error responses" lists them.
#include "store/s3_calls.h"

namespace spillway::strict {

namespace {

// clang-format off
constexpr S3Error kErrors[] = {
    {"AccessDenied", 403, "Access Denied"},
    {"AccountProblem", 403, "There is a problem with your account."},
    {"AllAccessDisabled", 403, "All access to this resource has been disabled."},
    {"AmbiguousGrantByEmailAddress", 400, "The email address is associated with more than one account."},
    {"AuthorizationHeaderMalformed", 400, "The authorization header that you provided is not valid."},
    {"AuthorizationQueryParametersError", 400, "The authorization query parameters are not valid."},
    {"BadDigest", 400, "The digest that you specified did not match what was received."},
    {"BadRequest", 400, "Bad Request"},
    {"BucketAlreadyExists", 409, "The requested bucket name is not available."},
    {"BucketAlreadyOwnedByYou", 409, "The bucket already exists and you own it."},
    {"BucketNotEmpty", 409, "The bucket that you tried to delete is not empty."},
    {"ConditionalRequestConflict", 409, "A conflicting operation occurred during this request. Try again."},
    {"CredentialsNotSupported", 400, "This request does not support credentials."},
    {"CrossLocationLoggingProhibited", 403, "Cross-Region logging is not allowed."},
    {"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed object size."},
    {"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed object size."},
    {"ExpiredToken", 400, "The provided token has expired."},
    {"IllegalLocationConstraintException", 400, "The location constraint is not compatible with the region of this endpoint."},
    {"IllegalVersioningConfigurationException", 400, "The versioning configuration is not valid."},
    {"IncompleteBody", 400, "You did not provide the number of bytes specified by the Content-Length header."},
    {"InlineDataTooLarge", 400, "The inline data exceeds the maximum allowed size."},
    {"InternalError", 500, "An internal error occurred. Try again."},
    {"InvalidAccessKeyId", 403, "The access key ID that you provided does not exist in our records."},
    {"InvalidAddressingHeader", 400, "You must specify the Anonymous role."},
    {"InvalidArgument", 400, "Invalid Argument"},
    {"InvalidBucketName", 400, "The specified bucket is not valid."},
    {"InvalidBucketState", 409, "The request is not valid for the current state of the bucket."},
    {"InvalidDigest", 400, "The Content-MD5 or checksum value that you specified is not valid."},
    {"InvalidEncryptionAlgorithmError", 400, "The encryption request that you specified is not valid."},
    {"InvalidLocationConstraint", 400, "The specified location constraint is not valid."},
    {"InvalidObjectState", 403, "The operation is not valid for the current state of the object."},
    {"InvalidPart", 400, "One or more of the specified parts could not be found."},
    {"InvalidPartNumber", 416, "The requested partnumber is not satisfiable."},
    {"InvalidPartOrder", 400, "The list of parts was not in ascending order."},
    {"InvalidPayer", 403, "All access to this object has been disabled."},
    {"InvalidRange", 416, "The requested range is not satisfiable."},
    {"InvalidRequest", 400, "Invalid Request"},
    {"InvalidSecurity", 403, "The provided security credentials are not valid."},
    {"InvalidStorageClass", 400, "The storage class that you specified is not valid."},
    {"InvalidToken", 400, "The provided token is malformed or otherwise not valid."},
    {"InvalidURI", 400, "The specified URI couldn't be parsed."},
    {"KeyTooLongError", 400, "Your key is too long."},
    {"MalformedPOSTRequest", 400, "The body of your POST request is not well-formed multipart/form-data."},
    {"MalformedXML", 400, "The XML that you provided was not well formed or did not validate against our published schema."},
    {"MaxMessageLengthExceeded", 400, "Your request was too large."},
    {"MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size."},
    {"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
    {"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
    {"MissingRequestBodyError", 400, "Request body is empty."},
    {"MissingSecurityHeader", 400, "Your request is missing a required header."},
    {"NoSuchBucket", 404, "The specified bucket does not exist."},
    {"NoSuchKey", 404, "The specified key does not exist."},
    {"NoSuchUpload", 404, "The specified multipart upload does not exist. The upload ID might be invalid, or the upload might have been aborted or completed."},
    {"NoSuchVersion", 404, "The version ID specified in the request does not match an existing version."},
    {"NotImplemented", 501, "A header or call that you provided implies functionality that is not implemented."},
    {"NotModified", 304, "Not Modified"},
    {"NotSignedUp", 403, "Your account is not signed up for the service."},
    {"OperationAborted", 409, "A conflicting conditional operation is in progress against this resource. Try again."},
    {"PermanentRedirect", 301, "The bucket must be addressed using the specified endpoint."},
    {"PreconditionFailed", 412, "At least one of the preconditions that you specified did not hold."},
    {"Redirect", 307, "Temporary redirect. You are being redirected to the bucket."},
    {"RequestHeaderSectionTooLarge", 400, "The request headers exceed the maximum allowed size."},
    {"RequestIsNotMultiPartContent", 400, "A bucket POST request must be of the enclosure-type multipart/form-data."},
    {"RequestTimeout", 400, "Your socket connection to the server was not read from or written to within the timeout period."},
    {"RequestTimeTooSkewed", 403, "The difference between the request time and the server's time is too large."},
    {"ServiceUnavailable", 503, "Service is unable to handle the request."},
    {"SignatureDoesNotMatch", 403, "The request signature that the server calculated does not match the signature that you provided."},
    {"SlowDown", 503, "Please reduce your request rate."},
    {"TemporaryRedirect", 307, "You are being redirected to the bucket while DNS updates."},
    {"TokenRefreshRequired", 400, "The provided token must be refreshed."},
    {"TooManyBuckets", 400, "You have attempted to create more buckets than are allowed."},
    {"TooManyRequests", 429, "Please reduce your request rate."},
    {"UnexpectedContent", 400, "This request contains unsupported content."},
    {"UnresolvableGrantByEmailAddress", 400, "The email address that you provided does not match any account."},
    {"UserKeyMustBeSpecified", 400, "The bucket POST request must contain the specified field name."},
    {"XAmzContentChecksumMismatch", 400, "The provided checksum does not match what was computed."},
    {"XAmzContentSHA256Mismatch", 400, "The provided x-amz-content-sha256 header does not match what was computed."},
};
// clang-format on

}  // namespace

const std::vector<S3Error>& AllErrors() {
  static const auto* const errors =
      new std::vector<S3Error>(std::begin(kErrors), std::end(kErrors));
  return *errors;
}

const S3Error* ErrorByCode(std::string_view code) {
  for (const S3Error& error : AllErrors()) {
    if (error.code == code) return &error;
  }
  return nullptr;
}

}  // namespace spillway::strict
