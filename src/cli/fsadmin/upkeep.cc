// The small fsadmin commands: doctor, getBlockInfo, and Alluxio's that have nothing to do here.
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "cli/fs/commands.h"
#include "cli/fsadmin/commands.h"

namespace spillway::cli {
namespace {

// One of Alluxio's that is not offered, named so that who uses it is told what to do instead.
Command NotOffered(const std::string& name, const std::string& usage, const std::string& why) {
  Command command{name,
                  usage,
                  "Not offered: " + why,
                  {},
                  0,
                  -1,
                  [name, why](Context&, const Arguments&) -> StatusOr<int> {
                    return InvalidArgument("{} is not offered: {}", name, why);
                  }};
  command.any_flags = true;
  return command;
}

StatusOr<int> Doctor(Context& context, const Arguments& arguments) {
  const std::string what = arguments.values.empty() ? "all" : arguments.values[0];
  if (what != "all" && what != "configuration" && what != "storage")
    return InvalidArgument("doctor category is invalid: configuration or storage");
  std::ostream& out = *context.out;
  if (what != "storage") out << "No server-side configuration errors or warnings.\n";
  if (what == "configuration") return 0;
  SPILLWAY_ASSIGN_OR_RETURN(const auto workers, context.master->GetWorkerReport());
  SPILLWAY_ASSIGN_OR_RETURN(const auto health, context.master->GetHealthReport(1));
  bool sound = true;
  for (const WorkerInfo& worker : workers) {
    if (worker.state != WorkerState::kLost) continue;
    sound = false;
    out << fmt::format("Worker {}:{} is lost.\n", worker.address.host, worker.address.data_port);
  }
  for (const WorkerFolders& worker : health.workers) {
    for (const FolderInfo& folder : worker.folders) {
      if (folder.state == FolderState::kServing) continue;
      sound = false;
      out << fmt::format("Storage folder {} of worker {}:{} is {}: {}\n", Shown(folder.path),
                         worker.host, worker.data_port, NameOf(folder.state), Shown(folder.why));
    }
  }
  if (health.lost_blocks > 0) {
    sound = false;
    out << health.lost_blocks << " blocks have no copy, see fsadmin report health.\n";
  }
  if (sound) out << "All worker storage paths are in working state.\n";
  return sound ? 0 : kFailed;
}

StatusOr<int> BlockById(Context& context, const Arguments& arguments) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(arguments.values[0], &number))
    return InvalidArgument("{} is not a valid block id.", arguments.values[0]);
  const BlockId id(number);
  std::ostream& out = *context.out;
  const auto info = context.master->GetBlockInfo(id);
  if (info.ok()) {
    out << fmt::format("BlockInfo: id={}, length={}, hosts:", number, info->length_bytes);
    for (const BlockLocation& location : info->locations) out << " " << location.address.host;
    out << "\n";
  } else {
    out << "BlockMeta is not available for blockId: " << number << "\n";
  }
  const InodeId file = FileIdOfBlock(id);
  const auto path = context.admin->GetFilePath(file);
  out << "This block belongs to file {id=" << file.value()
      << (path.ok() ? ", path=" + *path : std::string()) << "}\n";
  return 0;
}

// Alluxio's names for what decommission does.
StatusOr<int> ForAddresses(Context& context, const Arguments& arguments, bool undo) {
  const std::vector<std::string> hosts =
      absl::StrSplit(arguments.Get("--addresses", ""), ',', absl::SkipWhitespace());
  if (hosts.empty()) return InvalidArgument("--addresses needs a comma list of worker hosts");
  int code = 0;
  for (const std::string& host : hosts) {
    Arguments one;
    one.values = {host};
    if (undo) one.flags["--undo"] = "";
    SPILLWAY_ASSIGN_OR_RETURN(const int result, DecommissionCommand().run(context, one));
    code = std::max(code, result);
  }
  return code;
}

}  // namespace

Command DoctorCommand() {
  return {"doctor", "[configuration|storage]", "Says what is wrong with the cluster.", {}, 0, 1,
          Doctor};
}

Command GetBlockInfoCommand() {
  return {"getBlockInfo", "<blockId>", "Says where a block is, and of which file.", {}, 1, 1,
          BlockById};
}

Command DecommissionWorkerCommand() {
  return {"decommissionWorker",
          "--addresses <workerHosts>",
          "Lets workers go once nothing that they alone hold is left; see decommission.",
          {{"--addresses", true, {"-a"}, "comma list of hosts"},
           {"--wait", true, {"-w"}, "accepted for compatibility: it is always waited for"},
           {"--disable", false, {"-d"}, "accepted for compatibility"}},
          0,
          0,
          [](Context& context, const Arguments& arguments) {
            return ForAddresses(context, arguments, false);
          }};
}

Command EnableWorkerCommand() {
  return {"enableWorker",
          "--addresses <workerHosts>",
          "Lets decommissioned workers take part again.",
          {{"--addresses", true, {"-a"}, "comma list of hosts"}},
          0,
          0,
          [](Context& context, const Arguments& arguments) {
            return ForAddresses(context, arguments, true);
          }};
}

Command StatelockCommand() {
  return {"statelock", "", "Threads that hold the master's state lock: there is no such lock.", {},
          0,           0,  [](Context&, const Arguments&) -> StatusOr<int> { return 0; }};
}

Command JournalCommand() {
  return NotOffered("journal", "checkpoint | quorum ...",
                    "the state store is its own checkpoint; fsadmin backup writes a copy of it.");
}

Command MetricsCommand() {
  return NotOffered("metrics", "clear",
                    "metrics are counters that Prometheus reads at /metrics; they are not reset.");
}

Command UfsCommand() {
  return NotOffered("ufs", "--mode <noAccess/readOnly/readWrite> <ufsPath>",
                    "fs updateMount --readonly <path> keeps writes away from an understore.");
}

Command UpdateConfCommand() {
  return NotOffered("updateConf", "key1=val1 [key2=val2 ...]",
                    "change conf/alluxio-site.properties and restart the process, which takes "
                    "less than a second.");
}

}  // namespace spillway::cli
