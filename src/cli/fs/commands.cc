#include "cli/fs/commands.h"

namespace spillway::cli {

const std::vector<Command>& FsCommands() {
  static const std::vector<Command> commands{CatCommand(),
                                             CheckConsistencyCommand(),
                                             ChecksumCommand(),
                                             ChgrpCommand(),
                                             ChmodCommand(),
                                             ChownCommand(),
                                             CopyFromLocalCommand(),
                                             CopyToLocalCommand(),
                                             CountCommand(),
                                             CpCommand(),
                                             DistributedCpCommand(),
                                             DistributedLoadCommand(),
                                             DistributedMvCommand(),
                                             DuCommand(),
                                             FreeCommand(),
                                             FreeWorkerCommand(),
                                             GetCapacityBytesCommand(),
                                             GetfaclCommand(),
                                             GetSyncPathListCommand(),
                                             GetUsedBytesCommand(),
                                             HeadCommand(),
                                             LeaderCommand(),
                                             LoadCommand(),
                                             LoadMetadataCommand(),
                                             LocationCommand(),
                                             LsCommand(),
                                             MasterInfoCommand(),
                                             MkdirCommand(),
                                             MountCommand(),
                                             MvCommand(),
                                             NeedsSyncCommand(),
                                             PersistCommand(),
                                             PinCommand(),
                                             RmCommand(),
                                             SetfaclCommand(),
                                             SetReplicationCommand(),
                                             SetTtlCommand(),
                                             StartSyncCommand(),
                                             StatCommand(),
                                             StopSyncCommand(),
                                             SyncDirNextTimeCommand(),
                                             TailCommand(),
                                             TestCommand(),
                                             TouchCommand(),
                                             UnmountCommand(),
                                             UnpinCommand(),
                                             UnsetTtlCommand(),
                                             UpdateMountCommand()};
  return commands;
}

std::string FormatBits(int bits) {
  std::string text;
  text += bits & 4 ? 'r' : '-';
  text += bits & 2 ? 'w' : '-';
  text += bits & 1 ? 'x' : '-';
  return text;
}

std::string FormatMode(const FileStatus& status) {
  return (status.is_directory ? "d" : "-") + FormatBits(status.mode >> 6) +
         FormatBits(status.mode >> 3) + FormatBits(status.mode);
}

std::string DescribePersist(const PersistInfo& info) {
  std::string text = fmt::format("Persistence: {}, generation {}, {} of {} copies", info.state,
                                 info.generation, info.copies, info.copies_wanted);
  if (info.dirty_since_ms > 0) text += ", dirty since " + FormatTime(info.dirty_since_ms);
  if (info.attempts > 0) text += fmt::format(", {} attempts failed", info.attempts);
  if (info.persisted_at_ms > 0) text += ", persisted at " + FormatTime(info.persisted_at_ms);
  if (!info.etag.empty()) text += ", etag " + info.etag;
  if (info.crc32c) text += fmt::format(", crc32c {:08x}", *info.crc32c);
  if (!info.waits_for.empty()) text += ", waits for " + info.waits_for;
  if (!info.last_error.empty()) text += ", last failure: " + info.last_error;
  return text;
}

StatusOr<std::vector<FileStatus>> ListTree(Context& context, const std::string& path) {
  std::vector<FileStatus> files;
  ListOptions options;
  options.recursive = true;
  SPILLWAY_RETURN_IF_ERROR(context.master->ListStatus(path, options, [&](const FileStatus& status) {
    files.push_back(status);
    return absl::OkStatus();
  }));
  return files;
}

}  // namespace spillway::cli
