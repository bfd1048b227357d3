// What workers say of themselves and of their blocks, before it is believed.
#pragma once

#include <vector>

#include "common/status.h"
#include "master/cluster/cluster_state.h"
#include "worker_session.pb.h"

namespace spillway {

// INVALID_ARGUMENT if a number of it cannot be.
Status CheckReport(const session::BlockReport& block);
StatusOr<std::vector<TierUsage>> ToTiers(
    const google::protobuf::RepeatedPtrField<session::TierUsage>& tiers);

// A copy of a block of an incomplete file beside the other copies of it. A block has one writer and
// only ever grows: of two copies the shorter one is what came before a stream broke.
enum class CopyStanding {
  kAlone,    // there is no other copy
  kSame,     // as the others
  kStump,    // shorter than the others
  kLonger,   // the others are stumps
  kDiffers,  // of the same length, with other bytes
};
CopyStanding Compare(const BlockRecordSoft* known, WorkerId holder,
                     const session::BlockReport& block);

}  // namespace spillway
