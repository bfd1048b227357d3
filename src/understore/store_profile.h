// What an understore can do beyond the calls that every S3 server has. A mount's profile is probed,
// learned from answers or set by properties (spillway.underfs.s3.feature.NAME=true|false), kept in
// the mount's record, and shown by "fsadmin report store".
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "common/status.h"

namespace spillway {

enum class StoreFeature {
  kPutIfAbsent,         // If-None-Match: * on PUT
  kPutIfMatch,          // If-Match on PUT
  kCompleteConditions,  // both on CompleteMultipartUpload
  kCopyConditions,      // both on the target of CopyObject
  kDeleteIfMatch,       // If-Match on DELETE
  kMultiDelete,         // DeleteObjects
  kMultiDeleteIfMatch,  // an ETag for each key of DeleteObjects
  kGetIfMatch,          // If-Match on GET
  kGetRange,            // Range on GET
  kListV2,              // ListObjectsV2
  kChecksums,           // x-amz-checksum-crc32c is checked and given back
  kCopyPart,            // UploadPartCopy
};
inline constexpr int kStoreFeatures = 12;

enum class Support { kUnknown, kYes, kNo };

// A feature's name in properties and reports, for example "put-if-absent".
std::string_view NameOf(StoreFeature feature);
std::string_view NameOf(Support support);  // "unknown", "yes", "no"

// A value. Not thread-safe.
class StoreProfile {
 public:
  // Everything is unknown.
  StoreProfile() = default;
  // Everything is supported: stores whose code is ours.
  static StoreProfile Everything();

  Support Get(StoreFeature feature) const { return supports_[static_cast<size_t>(feature)]; }
  bool Has(StoreFeature feature) const { return Get(feature) == Support::kYes; }
  void Set(StoreFeature feature, Support support) {
    supports_[static_cast<size_t>(feature)] = support;
  }
  // True if nothing is unknown.
  bool complete() const;
  // "put-if-absent=yes,put-if-match=no,…": what is known. Parse reads it back; names and values
  // that it does not know are passed over, so that a later version's record can be read.
  std::string ToString() const;
  static StoreProfile Parse(std::string_view text);
  bool operator==(const StoreProfile& other) const { return supports_ == other.supports_; }

 private:
  std::array<Support, kStoreFeatures> supports_{};
};

}  // namespace spillway
