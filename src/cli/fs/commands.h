// The fs commands, one factory per file.
#pragma once

#include "cli/command.h"
#include "client/options.h"
#include "common/format.h"
#include "common/path.h"

namespace spillway::cli {

Command CatCommand();
Command ChecksumCommand();
Command ChgrpCommand();
Command ChmodCommand();
Command ChownCommand();
Command CopyFromLocalCommand();
Command CopyToLocalCommand();
Command CountCommand();
Command CpCommand();
Command DuCommand();
Command FreeCommand();
Command GetCapacityBytesCommand();
Command GetUsedBytesCommand();
Command HeadCommand();
Command LeaderCommand();
Command LoadCommand();
Command LocationCommand();
Command LsCommand();
Command MasterInfoCommand();
Command MkdirCommand();
Command MvCommand();
Command PersistCommand();
Command RmCommand();
Command StatCommand();
Command TailCommand();
Command TestCommand();
Command TouchCommand();
Command CheckConsistencyCommand();
Command DistributedCpCommand();
Command DistributedLoadCommand();
Command DistributedMvCommand();
Command FreeWorkerCommand();
Command GetSyncPathListCommand();
Command GetfaclCommand();
Command LoadMetadataCommand();
Command MountCommand();
Command NeedsSyncCommand();
Command PinCommand();
Command SetReplicationCommand();
Command SetTtlCommand();
Command SetfaclCommand();
Command StartSyncCommand();
Command StopSyncCommand();
Command SyncDirNextTimeCommand();
Command UnmountCommand();
Command UnpinCommand();
Command UnsetTtlCommand();
Command UpdateMountCommand();

// "user::rwx,group::r-x,other::r-x", with named entries and the mask; or the default list.
std::string FormatAcl(const FileStatus& status, bool of_defaults);
// A line for each mount, aligned.
std::vector<std::string> FormatMounts(const std::vector<MountInfo>& mounts);

// "rwx"
std::string FormatBits(int bits);
// "drwxr-xr-x"
std::string FormatMode(const FileStatus& status);
// One line: state, generation, since when dirty, object, last failure.
std::string DescribePersist(const PersistInfo& info);
// All files at and below path, depth first.
StatusOr<std::vector<FileStatus>> ListTree(Context& context, const std::string& path);

}  // namespace spillway::cli
