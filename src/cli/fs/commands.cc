#include "cli/fs/commands.h"

namespace spillway::cli {

const std::vector<Command>& FsCommands() {
  static const std::vector<Command> commands{
      CatCommand(),          ChecksumCommand(), ChgrpCommand(),
      ChmodCommand(),        ChownCommand(),    CopyFromLocalCommand(),
      CopyToLocalCommand(),  CountCommand(),    CpCommand(),
      DuCommand(),           FreeCommand(),     GetCapacityBytesCommand(),
      GetUsedBytesCommand(), HeadCommand(),     LeaderCommand(),
      LoadCommand(),         LocationCommand(), LsCommand(),
      MasterInfoCommand(),   MkdirCommand(),    MvCommand(),
      PersistCommand(),      RmCommand(),       StatCommand(),
      TailCommand(),         TestCommand(),     TouchCommand()};
  return commands;
}

WriteOptions WriteOptionsFrom(const Configuration& config) {
  WriteOptions options;
  CreateFileOptions& create = options.create;
  create.block_size_bytes = config.GetBytes("alluxio.user.block.size.bytes.default");
  const int umask = static_cast<int>(std::strtol(
      config.GetString("alluxio.security.authorization.permission.umask").c_str(), nullptr, 8));
  create.mode = 0666 & ~umask;
  create.replication_min = static_cast<int>(config.GetInt("alluxio.user.file.replication.min"));
  create.replication_max = static_cast<int>(config.GetInt("alluxio.user.file.replication.max"));
  create.durable_replicas =
      static_cast<int>(config.GetInt("alluxio.user.file.replication.durable"));
  create.write_type = ParseWriteType(config.GetString("alluxio.user.file.writetype.default"))
                          .value_or(WriteType::kAsyncThrough);
  create.persistence_wait_time_ms =
      config.GetDurationMs("alluxio.user.file.persistence.initial.wait.time");
  create.ttl_ms = config.GetDurationMs("alluxio.user.file.create.ttl");
  return options;
}

std::string FormatMode(const FileStatus& status) {
  std::string text(1, status.is_directory ? 'd' : '-');
  for (int shift = 6; shift >= 0; shift -= 3) {
    const int bits = status.mode >> shift;
    text += bits & 4 ? 'r' : '-';
    text += bits & 2 ? 'w' : '-';
    text += bits & 1 ? 'x' : '-';
  }
  return text;
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
