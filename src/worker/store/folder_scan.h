// What a storage folder holds when it is taken into use: at start, or when it works again. Nothing
// is removed but files of writes that never ended. What is no whole block is set aside in lost/,
// beside blocks/; what cannot be opened stays where it is.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/types.h"
#include "common/file_env.h"
#include "worker/store/stored_block.h"

namespace spillway {

// A file in blocks/ that may be a block and cannot be used now.
struct UnreadFile {
  int64_t bytes = 0;   // as its name says
  bool whole = false;  // has to be read as a whole before it is believed again
  std::string why;
};

struct FolderScan {
  std::string cluster;  // empty if it belongs to none yet
  std::vector<StoredBlock> blocks;
  std::map<std::string, UnreadFile> unread;                // by name in blocks/
  std::map<std::string, LostFile> lost;                    // by name in lost/
  std::vector<std::pair<std::string, int64_t>> undeleted;  // path and bytes
  Status writable;                                         // why nothing new can be stored
};

// Writes a small file and removes it.
Status TryToWrite(FileEnv& env, const std::string& folder);
// Whether the folder can be listed, and is the one that it was: its format file can be read.
Status TryToRead(FileEnv& env, const std::string& folder);

// Moves blocks/name or temp/name to lost/, under another name if there is one of this name. The
// name there.
StatusOr<std::string> MoveToLost(FileEnv& env, const std::string& folder, const std::string& from,
                                 const std::string& name);

// found is called with the number of files seen, now and then. With create the folder is made if it
// is missing; else a folder without a format file is NOT_FOUND: it may be an empty mount point.
// FAILED_PRECONDITION for a folder of a newer format.
StatusOr<FolderScan> ScanFolder(FileEnv& env, const std::string& folder, bool create,
                                const std::function<void(size_t)>& found);

}  // namespace spillway
