#include "common/checksum.h"
#include "fmt/format.h"
#include "store/calls/calls.h"
#include "store/digest.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

constexpr int64_t kObjectBytesMax = 5LL << 40;

struct ListedPart {
  int number = 0;
  std::string etag;
  std::string crc32c;
};

std::optional<std::vector<ListedPart>> ParseParts(const std::string& body) {
  const auto root = ReadXml(body);
  if (!root || root->name != "CompleteMultipartUpload" || root->children.empty())
    return std::nullopt;
  std::vector<ListedPart> parts;
  for (const XmlNode& node : root->children) {
    if (node.name != "Part") return std::nullopt;
    for (const XmlNode& field : node.children) {
      if (field.name != "PartNumber" && field.name != "ETag" && field.name != "ChecksumCRC32C")
        return std::nullopt;
    }
    const auto number = ParseNumber(node.ChildText("PartNumber"));
    if (!number || *number < 1 || *number > 10'000 || node.ChildText("ETag").empty())
      return std::nullopt;
    parts.push_back({static_cast<int>(*number), Unquoted(node.ChildText("ETag")),
                     node.ChildText("ChecksumCRC32C")});
  }
  return parts;
}

Answer NoPart(const ListedPart& listed) {
  return ErrorAnswer("InvalidPart", "",
                     {{"PartNumber", std::to_string(listed.number)}, {"ETag", listed.etag}});
}

std::optional<Answer> CheckPart(const StoreOptions& options, const Upload& upload,
                                const ListedPart& listed, bool is_last) {
  const auto part = upload.parts.find(listed.number);
  if (part == upload.parts.end() || part->second.etag != listed.etag) return NoPart(listed);
  if (upload.checksums && options.require_part_checksums && listed.crc32c.empty()) {
    return ErrorAnswer("InvalidRequest",
                       fmt::format("The upload was created using a crc32c checksum. The complete "
                                   "request must include the checksum for each part. It was "
                                   "missing for part {} in the request.",
                                   listed.number));
  }
  const auto& crc32c = part->second.crc32c;
  const std::string known = crc32c ? ToBase64(BigEndian(*crc32c)) : "";
  if (!listed.crc32c.empty() && upload.checksums && listed.crc32c != known) return NoPart(listed);
  if (!is_last && part->second.data.size() < options.min_part_bytes) {
    return ErrorAnswer("EntityTooSmall", "",
                       {{"PartNumber", std::to_string(listed.number)},
                        {"ProposedSize", std::to_string(part->second.data.size())},
                        {"MinSizeAllowed", std::to_string(options.min_part_bytes)}});
  }
  return std::nullopt;
}

std::optional<Answer> CheckParts(const StoreOptions& options, const Upload& upload,
                                 const std::vector<ListedPart>& listed) {
  for (size_t i = 1; i < listed.size(); ++i) {
    if (listed[i].number <= listed[i - 1].number) return ErrorAnswer("InvalidPartOrder");
  }
  for (const ListedPart& part : listed) {
    if (auto refusal = CheckPart(options, upload, part, &part == &listed.back())) return refusal;
  }
  return std::nullopt;
}

Object Assemble(const Upload& upload, const std::vector<ListedPart>& listed) {
  Object object;
  Md5 md5;
  std::string crcs;
  uint32_t whole = 0;
  for (const ListedPart& item : listed) {
    const Part& part = upload.parts.at(item.number);
    object.data.Append(part.data);
    for (size_t i = 0; i < part.etag.size(); i += 2) {
      const char byte = static_cast<char>(std::stoi(part.etag.substr(i, 2), nullptr, 16));
      md5.Add(std::string_view(&byte, 1));
    }
    if (!part.crc32c) continue;
    crcs += BigEndian(*part.crc32c);
    whole = Crc32cCombine(whole, *part.crc32c, part.data.size());
  }
  object.etag = fmt::format("{}-{}", Hex(md5.Finish()), listed.size());
  if (upload.checksums) {
    object.checksum_type = upload.full_object ? "FULL_OBJECT" : "COMPOSITE";
    object.crc32c =
        upload.full_object
            ? ToBase64(BigEndian(whole))
            : fmt::format("{}-{}", ToBase64(BigEndian(spillway::Crc32c(crcs))), listed.size());
  }
  object.headers = upload.headers;
  return object;
}

std::optional<Answer> CheckWhole(const Object& object, const HttpRequest& request) {
  if (object.data.size() > kObjectBytesMax) return ErrorAnswer("EntityTooLarge");
  const std::string size = request.Get("x-amz-mp-object-size");
  if (!size.empty() && ParseNumber(size) != object.data.size())
    return ErrorAnswer("InvalidRequest", "The object's size is not x-amz-mp-object-size.");
  const std::string given = request.Get("x-amz-checksum-crc32c");
  const std::string number = object.crc32c.substr(0, object.crc32c.find('-'));
  if (!given.empty() && given != object.crc32c && given != number) return ErrorAnswer("BadDigest");
  return std::nullopt;
}

}  // namespace

Answer CompleteMultipartUpload(World& world, Exchange& x) {
  const auto listed = ParseParts(x.request.body);
  absl::MutexLock lock(&world.mutex);
  Bucket* bucket = FindBucket(world, x);
  if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
  Upload* upload = FindUpload(bucket, x);
  if (upload == nullptr) return ErrorAnswer("NoSuchUpload");
  if (!listed) return ErrorAnswer("MalformedXML");
  if (auto refusal = CheckParts(world.options, *upload, *listed)) return *refusal;
  Object object = Assemble(*upload, *listed);
  if (auto refusal = CheckWhole(object, x.request)) return *refusal;
  if (auto refusal = CheckWriteConditions(*bucket, x)) return *refusal;
  object.last_modified_ms = x.now_ms;
  std::string xml =
      "<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
      XmlTag("Location",
             "http://" + x.request.Get("host") + "/" + x.bucket + "/" + PercentEncode(x.key, "/")) +
      XmlTag("Bucket", x.bucket) + XmlTag("Key", x.key) + XmlTag("ETag", Quoted(object.etag));
  if (!object.crc32c.empty()) {
    xml += XmlTag("ChecksumCRC32C", object.crc32c) + XmlTag("ChecksumType", object.checksum_type);
  }
  bucket->uploads.erase(upload->id);
  bucket->objects[x.key] = std::move(object);
  return XmlAnswer(xml + "</CompleteMultipartUploadResult>");
}

}  // namespace spillway::strict
