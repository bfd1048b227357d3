#include <openssl/evp.h>
#include <openssl/md5.h>

#include <pugixml.hpp>

#include "common/checksum.h"
#include "understore/s3/calls.h"

namespace spillway {
namespace {

constexpr size_t kKeysMax = 1000;

std::string Md5Base64(const std::string& data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, EVP_md5(), nullptr);
  return Base64Encode(std::string_view(reinterpret_cast<char*>(digest), size));
}

}  // namespace

StatusOr<std::vector<DeleteFailure>> S3UnderStore::Delete(const std::vector<DeleteRequest>& keys) {
  std::vector<DeleteFailure> failures;
  for (size_t first = 0; first < keys.size(); first += kKeysMax) {
    const size_t last = std::min(keys.size(), first + kKeysMax);
    if (last - first == 1) {
      S3Request request;
      request.method = "DELETE";
      request.key = client_->FullKey(keys[first].key);
      const auto response = client_->Send(request);
      const bool gone =
          response.ok() || (response.status().code() == StatusCode::kNotFound &&
                            Message(response.status()).find("NoSuchBucket") == std::string::npos);
      if (!gone) return response.status();
      continue;
    }
    std::string xml =
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
    for (size_t i = first; i < last; ++i) {
      xml += "<Object><Key>" + XmlEscape(client_->FullKey(keys[i].key)) + "</Key></Object>";
    }
    xml += "</Delete>";
    S3Request request;
    request.method = "POST";
    request.query = {{"delete", ""}};
    request.headers["content-md5"] = Md5Base64(xml);
    request.headers["content-type"] = "application/xml";
    StringBody body(xml);
    request.body = &body;
    SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request));
    pugi::xml_document doc;
    doc.load_buffer(response.body.data(), response.body.size());
    for (const pugi::xml_node& node : doc.child("DeleteResult").children("Error")) {
      const std::string code = node.child_value("Code");
      const std::string key =
          std::string(node.child_value("Key")).substr(client_->settings().prefix.size());
      if (code == "NoSuchKey") continue;
      failures.push_back({key, MakeStatus(code == "AccessDenied" ? StatusCode::kPermissionDenied
                                                                 : StatusCode::kUnavailable,
                                          "{}: {} {}", key, code, node.child_value("Message"))});
    }
  }
  return failures;
}

Status S3UnderStore::RemoveDirectory(const std::string& key) {
  return Delete({DeleteRequest{key + "/", ""}}).status();
}

}  // namespace spillway
