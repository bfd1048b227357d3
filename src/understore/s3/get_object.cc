#include "understore/s3/calls.h"

namespace spillway {

Status S3UnderStore::Get(const std::string& key, int64_t offset, int64_t length, const GetOptions&,
                         const Sink& sink) {
  if (length <= 0) return absl::OkStatus();
  S3Request request;
  request.method = "GET";
  request.key = client_->FullKey(key);
  request.headers["range"] = fmt::format("bytes={}-{}", offset, offset + length - 1);
  request.sink = sink;
  request.payload_bytes = length;
  const auto response = client_->Send(request);
  if (response.ok()) return absl::OkStatus();
  // A range that begins at the end is an empty one here.
  if (Message(response.status()).find("S3 answers 416") != std::string::npos)
    return absl::OkStatus();
  return response.status();
}

}  // namespace spillway
