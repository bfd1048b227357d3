#include "master/cluster/reports.h"

#include <algorithm>

#include "common/checked.h"

namespace spillway {
namespace {

constexpr int kTiersMax = 16;

}  // namespace

Status CheckReport(const session::BlockReport& block) {
  SPILLWAY_RETURN_IF_ERROR(InRangeUnsigned(block.block_id(), INT64_MAX, "a block's id").status());
  SPILLWAY_RETURN_IF_ERROR(InRange(block.tier(), 0, kTiersMax - 1, "a block's tier").status());
  return InRange(block.length_bytes(), 0, kBytesMax, "a block's length").status();
}

StatusOr<std::vector<TierUsage>> ToTiers(
    const google::protobuf::RepeatedPtrField<session::TierUsage>& tiers) {
  SPILLWAY_RETURN_IF_ERROR(InRange(tiers.size(), 0, kTiersMax, "the number of tiers").status());
  std::vector<TierUsage> usage;
  for (const auto& tier : tiers) {
    TierUsage& out = usage.emplace_back();
    out.alias = tier.alias();
    SPILLWAY_ASSIGN_OR_RETURN(out.capacity_bytes,
                              InRange(tier.capacity_bytes(), 0, kBytesMax, "a tier's capacity"));
    SPILLWAY_ASSIGN_OR_RETURN(out.used_bytes,
                              InRange(tier.used_bytes(), 0, kBytesMax, "a tier's used bytes"));
    SPILLWAY_ASSIGN_OR_RETURN(out.pinned_bytes,
                              InRange(tier.pinned_bytes(), 0, kBytesMax, "a tier's pinned bytes"));
  }
  return usage;
}

CopyStanding Compare(const BlockRecordSoft* known, WorkerId holder,
                     const session::BlockReport& block) {
  const bool others =
      known != nullptr && std::any_of(known->holders.begin(), known->holders.end(),
                                      [&](const auto& other) { return other.worker != holder; });
  if (!others) return CopyStanding::kAlone;
  if (block.length_bytes() < known->length_bytes) return CopyStanding::kStump;
  if (block.length_bytes() > known->length_bytes) return CopyStanding::kLonger;
  const bool same = !known->crc_known || !block.crc_known() || known->crc32c == block.crc32c();
  return same ? CopyStanding::kSame : CopyStanding::kDiffers;
}

}  // namespace spillway
