// Settles what an unanswered upload left behind: whether an object holds certain bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "common/status.h"
#include "understore/under_store.h"

namespace spillway {

// True if status, of a call with If-Match, says that the object is not there any more.
bool IsGone(const Status& status);

// The CRC32C of the object that info describes: as the store gave it, or else of its bytes, which
// are read with If-Match. FAILED_PRECONDITION or NOT_FOUND if that object is not there any more.
StatusOr<uint32_t> ChecksumOf(UnderStore& store, const ObjectInfo& info);

// True if the object that info (of Head) describes holds exactly length bytes of this CRC32C. False
// if it holds others, or if it was replaced or deleted since info was taken. The bytes are read
// only if the size is right and the store gave no checksum. An error says that the store could not
// tell.
StatusOr<bool> HoldsBytes(UnderStore& store, const ObjectInfo& info, int64_t length,
                          uint32_t crc32c);

// The same of an object that was to be made of these parts. False also if a part's checksum is not
// known. Nothing is read if the store gave the checksum of the parts' checksums.
StatusOr<bool> HoldsParts(UnderStore& store, const ObjectInfo& info,
                          const std::vector<UploadedPart>& parts);

}  // namespace spillway
