// The four calls of a multipart upload.
#include <algorithm>
#include <pugixml.hpp>

#include "common/checksum.h"
#include "understore/s3/calls.h"
#include "understore/s3/object_headers.h"

namespace spillway {
namespace {

StatusOr<uint32_t> ChecksumOf(BodySource& body) {
  std::string buffer(1 << 20, '\0');
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    const int64_t n =
        std::min<int64_t>(static_cast<int64_t>(buffer.size()), body.size_bytes() - at);
    SPILLWAY_RETURN_IF_ERROR(body.Read(at, buffer.data(), n));
    crc = Crc32cExtend(crc, buffer.data(), static_cast<size_t>(n));
    at += n;
  }
  return crc;
}

}  // namespace

StatusOr<std::string> S3UnderStore::CreateMultipart(const std::string& key, const PutOptions&) {
  S3Request request;
  request.method = "POST";
  request.key = client_->FullKey(key);
  request.query = {{"uploads", ""}};
  request.headers["content-type"] = "application/octet-stream";
  if (client_->settings().checksums) request.headers["x-amz-checksum-algorithm"] = "CRC32C";
  AddObjectHeaders(client_->settings(), &request.headers);
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  pugi::xml_document doc;
  doc.load_buffer(response.body.data(), response.body.size());
  std::string id = doc.child("InitiateMultipartUploadResult").child_value("UploadId");
  if (id.empty())
    return Unavailable("Multipart upload to {}: the answer has no UploadId.", request.key);
  return id;
}

StatusOr<UploadedPart> S3UnderStore::UploadPart(const std::string& key,
                                                const std::string& upload_id, int number,
                                                BodySource& body, std::optional<uint32_t> crc32c) {
  if (!crc32c && client_->settings().checksums) {
    // The upload was announced with checksums: a part without one would be refused.
    SPILLWAY_ASSIGN_OR_RETURN(crc32c, ChecksumOf(body));
  }
  S3Request request;
  request.method = "PUT";
  request.key = client_->FullKey(key);
  request.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}};
  if (crc32c && client_->settings().checksums)
    request.headers["x-amz-checksum-crc32c"] = Crc32cBase64(*crc32c);
  request.body = &body;
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  return UploadedPart{number, StripEtag(response.headers["etag"]), crc32c, body.size_bytes()};
}

StatusOr<PutResult> S3UnderStore::CompleteMultipart(const std::string& key,
                                                    const std::string& upload_id,
                                                    const std::vector<UploadedPart>& parts,
                                                    const PutOptions& options) {
  std::string xml = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const UploadedPart& part : parts) {
    xml += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>\"{}\"</ETag>", part.number,
                       XmlEscape(part.etag));
    if (part.crc32c && client_->settings().checksums) {
      xml += "<ChecksumCRC32C>" + Crc32cBase64(*part.crc32c) + "</ChecksumCRC32C>";
    }
    xml += "</Part>";
  }
  xml += "</CompleteMultipartUpload>";
  S3Request request;
  request.method = "POST";
  request.key = client_->FullKey(key);
  request.query = {{"uploadId", upload_id}};
  request.headers["content-type"] = "application/xml";
  client_->AddConditions(options, &request.headers);
  StringBody body(xml);
  request.body = &body;
  SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
  pugi::xml_document doc;
  doc.load_buffer(response.body.data(), response.body.size());
  const pugi::xml_node result = doc.child("CompleteMultipartUploadResult");
  if (!result) return StatusFromS3(500, response.body, "Completing the upload of " + request.key);
  return PutResult{StripEtag(result.child_value("ETag"))};
}

Status S3UnderStore::AbortMultipart(const std::string& key, const std::string& upload_id) {
  S3Request request;
  request.method = "DELETE";
  request.key = client_->FullKey(key);
  request.query = {{"uploadId", upload_id}};
  const auto response = client_->Send(request);
  if (response.status().code() == StatusCode::kNotFound) return absl::OkStatus();
  return response.status();
}

}  // namespace spillway
