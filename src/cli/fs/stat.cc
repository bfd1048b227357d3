#include "absl/strings/numbers.h"
#include "cli/fs/commands.h"
#include "cli/json.h"

namespace spillway::cli {

namespace {

std::string Address(const WorkerAddress& address) {
  return fmt::format(
      "WorkerNetAddress{{host={}, containerHost=, rpcPort={}, dataPort={}, webPort={}, "
      "domainSocketPath=, "
      "tieredIdentity=TieredIdentity(node={}{})}}",
      address.host, address.data_port, address.data_port, address.web_port, address.host,
      ", rack=" + (address.rack.empty() ? "null" : address.rack));
}

std::string Block(const BlockInfo& block) {
  std::string locations;
  for (const BlockLocation& location : block.locations) {
    if (!locations.empty()) locations += ", ";
    locations +=
        fmt::format("BlockLocation{{workerId={}, address={}, tierAlias={}, mediumType={}}}",
                    location.worker_id.value(), Address(location.address), location.tier_alias,
                    location.tier_alias);
  }
  return fmt::format("BlockInfo{{id={}, length={}, locations=[{}]}}", block.id.value(),
                     block.length_bytes, locations);
}

std::string Info(const FileStatus& s) {
  std::string ids;
  std::string blocks;
  int64_t offset = 0;
  for (const BlockInfo& block : s.blocks) {
    if (!ids.empty()) ids += ", ";
    if (!blocks.empty()) blocks += ", ";
    ids += std::to_string(block.id.value());
    blocks += fmt::format("FileBlockInfo{{blockInfo={}, offset={}, ufsLocations=[]}}", Block(block),
                          offset);
    offset += s.block_size_bytes;
  }
  static constexpr const char* kTtl[] = {"DELETE", "FREE", "DELETE_ALLUXIO"};
  return fmt::format(
      "FileInfo{{fileId={}, name={}, path={}, ufsPath={}, length={}, blockSizeBytes={}, "
      "creationTimeMs={}, completed={}, folder={}, pinned={}, pinnedlocation=[], cacheable={}, "
      "persisted={}, "
      "blockIds=[{}], inMemoryPercentage={}, lastModificationTimesMs={}, ttl={}, "
      "lastAccessTimesMs={}, ttlAction={}, "
      "owner={}, group={}, mode={}, persistenceState={}, mountPoint={}, replicationMax={}, "
      "replicationMin={}, "
      "fileBlockInfos=[{}], mountId={}, inAlluxioPercentage={}, ufsFingerprint={}, "
      "acl={}, defaultAcl={}, xattr=[]}}",
      s.id.value(), s.name, s.path, s.understore_path, s.length_bytes, s.block_size_bytes,
      s.creation_time_ms, s.completed, s.is_directory, s.pinned, s.cacheable,
      s.persistence_state == PersistenceState::kPersisted, ids, s.in_memory_percentage,
      s.last_modification_time_ms, s.ttl_ms, s.last_access_time_ms,
      kTtl[static_cast<int>(s.ttl_action)], s.owner, s.group, s.mode,
      PersistenceStateName(s.persistence_state), s.mount_point, s.replication_max,
      s.replication_min, blocks, s.mount_id.value(), s.in_cluster_percentage, s.etag,
      FormatAcl(s, false), FormatAcl(s, true));
}

std::string Expand(const std::string& format, const FileStatus& s) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    switch (format[++i]) {
      case 'N':
        out += s.name;
        break;
      case 'z':
        out += s.is_directory ? "NA" : std::to_string(s.length_bytes);
        break;
      case 'b':
        out += s.is_directory ? "NA" : std::to_string(s.blocks.size());
        break;
      case 'u':
        out += s.owner;
        break;
      case 'g':
        out += s.group;
        break;
      case 'i':
        out += std::to_string(s.id.value());
        break;
      case 'y':
        out += FormatTime(s.last_modification_time_ms);
        break;
      case 'Y':
        out += std::to_string(s.last_modification_time_ms);
        break;
      default:
        out += std::string("%") + format[i];
    }
  }
  return out;
}

}  // namespace

Command StatCommand() {
  return {"stat",
          "[-f <format>] [--json] <path> or stat [-f <format>] --file-id <file-id>",
          "Displays info for the specified path both file and directory.",
          {{"-f",
            true,
            {},
            "%N name, %z size, %b blocks, %u owner, %g group, %i id, %y time, %Y time in ms"},
           {"--file-id", false, {}, "the argument is the id of a file, not a path"},
           {"--json", false, {}, "print JSON"}},
          1,
          1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            std::string named = arguments.values[0];
            if (arguments.Has("--file-id")) {
              int64_t id = 0;
              if (!absl::SimpleAtoi(named, &id)) return InvalidArgument("{} is no file id", named);
              SPILLWAY_ASSIGN_OR_RETURN(named, context.admin->GetFilePath(InodeId(id)));
            }
            return ForEachPath(context, named, [&](const std::string& path) -> Status {
              SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(path));
              if (arguments.Has("--json")) {
                nlohmann::json json = ToJson(status);
                if (!status.is_directory) {
                  SPILLWAY_ASSIGN_OR_RETURN(const auto infos,
                                            context.master->GetPersistInfo({path}));
                  for (const PersistInfo& info : infos) json["persist"] = ToJson(info);
                }
                *context.out << Text(json) << "\n";
                return absl::OkStatus();
              }
              if (arguments.Has("-f")) {
                *context.out << Expand(arguments.Get("-f", ""), status) << "\n";
                return absl::OkStatus();
              }
              *context.out << path
                           << (status.is_directory ? " is a directory path." : " is a file path.")
                           << "\n"
                           << "URIStatus{info=" << Info(status) << ", cacheContext=null}\n";
              if (status.is_directory) return absl::OkStatus();
              SPILLWAY_ASSIGN_OR_RETURN(const auto infos, context.master->GetPersistInfo({path}));
              for (const PersistInfo& info : infos) *context.out << DescribePersist(info) << "\n";
              if (status.blocks.empty()) {
                *context.out << "This file does not contain any blocks.\n";
                return absl::OkStatus();
              }
              *context.out << "Containing the following blocks: \n";
              for (const BlockInfo& block : status.blocks) *context.out << Block(block) << "\n";
              return absl::OkStatus();
            });
          }};
}

}  // namespace spillway::cli
