// Bugs that a special build of the simulation can switch on, to show that its oracle finds them.
// In every other build IsPlanted is a constant false and the branches vanish.
#pragma once

namespace spillway {

enum class PlantedBug {
  kNone,
  kAckBeforeDurable,    // operations are answered before the journal is synced
  kUnpinOnUpload,       // copies become evictable when the upload begins, not when it is done
  kNoHealing,           // lost copies are never made again
  kMarkerEarly,         // commit markers do not wait
  kChecksumIgnored,     // copies and uploads are not compared with their checksum
  kForgetCancelled,     // a cancelled upload is forgotten while it still runs
  kForgetBatched,       // of files made by one request only the last is queued to be persisted
  kStaleListing,        // a sync takes away what was published after its listing was taken
  kCopyEarly,           // workers copy a file before the ids of its blocks are durable
  kBelieveUnread,       // a listing that the store did not answer is taken for an empty one
  kReadAnyVersion,      // reads from the store take whatever stands at the key
  kBadItemStops,        // one key that cannot be deleted holds up all others
  kTimeoutIsNo,         // a key found empty after a time-out is not looked at again
  kConditionForgotten,  // objects are moved and deleted whatever stands at the key
  kCommitOnReset,       // what came of a write before its stream broke is committed
  kUnlinkOnDoubt,       // a worker removes files that it cannot open when it starts
};

#ifdef SPILLWAY_PLANTED_BUGS
inline PlantedBug planted_bug = PlantedBug::kNone;
inline bool IsPlanted(PlantedBug bug) { return planted_bug == bug; }
#else
constexpr bool IsPlanted(PlantedBug) { return false; }
#endif

}  // namespace spillway
