// What is checked of every request before it is carried out: its length, its digests, its key.
#include "common/checksum.h"
#include "store/digest.h"
#include "store/world.h"

namespace spillway::strict {
namespace {

constexpr size_t kKeyBytesMax = 1024;

struct Algorithm {
  const char* header;
  size_t digest_bytes;
  std::string (*digest)(std::string_view);
};

std::string Crc32cBytes(std::string_view data) { return BigEndian(spillway::Crc32c(data)); }
std::string Crc32Bytes(std::string_view data) { return BigEndian(Crc32Of(data)); }

constexpr Algorithm kAlgorithms[] = {
    {"x-amz-checksum-crc32c", 4, Crc32cBytes},
    {"x-amz-checksum-crc32", 4, Crc32Bytes},
    {"x-amz-checksum-sha1", 20, Sha1Of},
    {"x-amz-checksum-sha256", 32, Sha256Of},
};

std::optional<Answer> CheckDigest(const std::string& given, size_t bytes, const std::string& real,
                                  const std::string& header) {
  const auto decoded = FromBase64(given);
  if (!decoded || decoded->size() != bytes) {
    return ErrorAnswer(header == "content-md5" ? "InvalidDigest" : "InvalidRequest",
                       "Value for " + header + " header is invalid.");
  }
  if (*decoded == real) return std::nullopt;
  return ErrorAnswer("BadDigest", "The " + header + " that you specified did not match.");
}

}  // namespace

std::optional<Answer> CheckMessage(const Exchange& x) {
  const HttpRequest& request = x.request;
  const bool sends = request.method == "PUT" || request.method == "POST";
  if (request.Has("transfer-encoding") || (sends && !request.has_length))
    return ErrorAnswer("MissingContentLength");
  if (request.body_too_long) return ErrorAnswer("EntityTooLarge");
  if (x.key.size() > kKeyBytesMax) return ErrorAnswer("KeyTooLongError");
  if (request.Has("content-md5")) {
    auto wrong = CheckDigest(request.Get("content-md5"), 16, Md5Of(request.body), "content-md5");
    if (wrong) return wrong;
  }
  // There it is the checksum of the object, not of the request's body.
  if (x.call == S3Call::kCompleteMultipartUpload) return std::nullopt;
  int checksums = 0;
  for (const Algorithm& algorithm : kAlgorithms) {
    if (!request.Has(algorithm.header)) continue;
    if (++checksums > 1)
      return ErrorAnswer("InvalidRequest", "Expecting a single x-amz-checksum- header.");
    auto wrong = CheckDigest(request.Get(algorithm.header), algorithm.digest_bytes,
                             algorithm.digest(request.body), algorithm.header);
    if (wrong) return wrong;
  }
  return std::nullopt;
}

}  // namespace spillway::strict
