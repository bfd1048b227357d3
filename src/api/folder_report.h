// Storage folders as they are told: by a worker to the master, by the master to who asks for
// health.
#pragma once

#include <vector>

#include "api/types.h"
#include "worker_session.pb.h"

namespace spillway {

void FillFolders(const std::vector<FolderInfo>& folders, const std::vector<LostFile>& lost,
                 session::Folders* out);
// What was told replaces what was known. A state that is not known counts as AT_RISK, a negative
// number as 0.
void ReadFolders(const session::Folders& told, std::vector<FolderInfo>* folders,
                 std::vector<LostFile>* lost);

}  // namespace spillway
