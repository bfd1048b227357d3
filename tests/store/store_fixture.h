// A store and a raw client for it.
#pragma once

#include <gtest/gtest.h>

#include "fmt/format.h"
#include "store/digest.h"
#include "store/raw_client.h"
#include "store/strict_store.h"
#include "store/xml.h"

namespace spillway::strict {

class StoreFixture : public testing::Test {
 protected:
  explicit StoreFixture(StoreOptions options = {}) { Restart(std::move(options)); }

  void Restart(StoreOptions options) {
    store_.reset();
    auto store = StrictStore::Start(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  RawAnswer Ask(const RawRequest& request) {
    return SendRaw(store_->port(), SignedRequest(store_->port(), request));
  }
  RawAnswer Ask(const std::string& method, const std::string& key, const std::string& body = "",
                std::map<std::string, std::string> headers = {},
                std::vector<std::pair<std::string, std::string>> query = {}) {
    RawRequest request;
    request.method = method;
    request.key = key;
    request.body = body;
    request.headers = std::move(headers);
    request.query = std::move(query);
    return Ask(request);
  }
  RawAnswer Put(const std::string& key, const std::string& data,
                std::map<std::string, std::string> headers = {}) {
    return Ask("PUT", key, data, std::move(headers));
  }
  RawAnswer DeleteMany(const std::string& xml) {
    return Ask("POST", "", xml, {{"content-md5", ToBase64(Md5Of(xml))}}, {{"delete", ""}});
  }
  // The id of a new upload.
  std::string Begin(const std::string& key, std::map<std::string, std::string> headers = {}) {
    const RawAnswer answer = Ask("POST", key, "", std::move(headers), {{"uploads", ""}});
    const auto root = ReadXml(answer.body);
    return root ? root->ChildText("UploadId") : "";
  }
  RawAnswer SendPart(const std::string& key, const std::string& id, int number,
                     const std::string& data, std::map<std::string, std::string> headers = {}) {
    return Ask("PUT", key, data, std::move(headers),
               {{"partNumber", std::to_string(number)}, {"uploadId", id}});
  }
  RawAnswer Complete(const std::string& key, const std::string& id, const std::string& parts,
                     std::map<std::string, std::string> headers = {}) {
    return Ask("POST", key, "<CompleteMultipartUpload>" + parts + "</CompleteMultipartUpload>",
               std::move(headers), {{"uploadId", id}});
  }
  static std::string PartXml(int number, const std::string& data, const std::string& crc = "") {
    return fmt::format("<Part><PartNumber>{}</PartNumber><ETag>\"{}\"</ETag>{}</Part>", number,
                       Hex(Md5Of(data)), crc.empty() ? "" : XmlTag("ChecksumCRC32C", crc));
  }
  std::unique_ptr<StrictStore> store_;
};

}  // namespace spillway::strict
