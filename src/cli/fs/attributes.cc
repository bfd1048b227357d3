// pin, unpin, setTtl, unsetTtl, setReplication.
#include "absl/strings/numbers.h"
#include "cli/fs/commands.h"
#include "common/checked.h"

namespace spillway::cli {
namespace {

Command PinOrUnpin(bool pin) {
  return {pin ? "pin" : "unpin",
          pin ? "<path> [media ...]" : "<path>",
          pin ? "Pins a file or directory: its blocks are not evicted. Works recursively."
              : "Unpins a file or directory. Works recursively.",
          {},
          1,
          pin ? -1 : 1,
          [pin](Context& context, const Arguments& arguments) {
            return ForEachPath(
                context, arguments.values[0], [&](const std::string& path) -> Status {
                  SetAttributeOptions options;
                  options.pinned = pin;
                  SPILLWAY_RETURN_IF_ERROR(context.master->SetAttribute(path, options));
                  *context.out << "File '" << path << "' was successfully "
                               << (pin ? "pinned" : "unpinned") << ".\n";
                  return absl::OkStatus();
                });
          }};
}

StatusOr<int> SetTtl(Context& context, const Arguments& arguments) {
  const auto ttl = ParseDurationMs(arguments.values[1]);
  if (!ttl.ok()) return InvalidArgument("{} is not valid time", arguments.values[1]);
  SPILLWAY_RETURN_IF_ERROR(InRange(*ttl, -1, kWaitMsMax, "the time to live").status());
  const std::string action = arguments.Get("--action", "delete");
  SetAttributeOptions options;
  options.ttl_ms = *ttl;
  options.ttl_action = TtlAction::kDelete;
  if (action == "free") {
    options.ttl_action = TtlAction::kFree;
  } else if (action == "deleteAlluxio") {
    options.ttl_action = TtlAction::kDeleteAlluxio;
  } else if (action != "delete") {
    return InvalidArgument("--action is delete, free or deleteAlluxio, not {}", action);
  }
  const char* name = *options.ttl_action == TtlAction::kFree     ? "FREE"
                     : *options.ttl_action == TtlAction::kDelete ? "DELETE"
                                                                 : "DELETE_ALLUXIO";
  return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
    SPILLWAY_RETURN_IF_ERROR(context.master->SetAttribute(path, options));
    *context.out << fmt::format(
        "TTL of path '{}' was successfully set to {} milliseconds, with expiry action set to {}\n",
        path, *ttl, name);
    return absl::OkStatus();
  });
}

StatusOr<std::optional<int>> Number(const Arguments& arguments, const std::string& flag) {
  if (!arguments.Has(flag)) return std::optional<int>();
  int number = 0;
  if (!absl::SimpleAtoi(arguments.Get(flag, ""), &number))
    return InvalidArgument("{} needs a whole number, not {}", flag, arguments.Get(flag, ""));
  SPILLWAY_RETURN_IF_ERROR(InRange(number, flag == "--max" ? -1 : 0, kCopiesMax, flag).status());
  return std::optional<int>(number);
}

StatusOr<int> SetReplication(Context& context, const Arguments& arguments) {
  SetAttributeOptions options;
  SPILLWAY_ASSIGN_OR_RETURN(options.replication_max, Number(arguments, "--max"));
  SPILLWAY_ASSIGN_OR_RETURN(options.replication_min, Number(arguments, "--min"));
  options.recursive = arguments.Has("-R");
  if (!options.replication_max && !options.replication_min)
    return InvalidArgument("At least one option of '--max' or '--min' must be specified");
  if (options.replication_max && options.replication_min && *options.replication_max >= 0 &&
      *options.replication_min > *options.replication_max)
    return InvalidArgument("Invalid values for '--max' and '--min' options");
  return ForEachPath(context, arguments.values[0], [&](const std::string& path) -> Status {
    SPILLWAY_RETURN_IF_ERROR(context.master->SetAttribute(path, options));
    std::ostream& out = *context.out;
    out << "Changed the replication level of " << path << "\n";
    if (options.replication_max)
      out << "replicationMax was set to " << *options.replication_max << "\n";
    if (options.replication_min)
      out << "replicationMin was set to " << *options.replication_min << "\n";
    out << "\n";
    return absl::OkStatus();
  });
}

}  // namespace

Command PinCommand() { return PinOrUnpin(true); }
Command UnpinCommand() { return PinOrUnpin(false); }

Command SetTtlCommand() {
  return {"setTtl",
          "[--action delete|free|deleteAlluxio] <path> <time to live>",
          "Sets a new TTL value for the file at path; the time is in ms, or with a unit.",
          {{"--action",
            true,
            {},
            "what is done when it ends: delete (default), free or "
            "deleteAlluxio"}},
          2,
          2,
          SetTtl};
}

Command UnsetTtlCommand() {
  return {"unsetTtl",
          "<path>",
          "Unsets the TTL value for the given path.",
          {},
          1,
          1,
          [](Context& context, const Arguments& arguments) {
            return ForEachPath(
                context, arguments.values[0], [&](const std::string& path) -> Status {
                  SetAttributeOptions options;
                  options.ttl_ms = -1;
                  SPILLWAY_RETURN_IF_ERROR(context.master->SetAttribute(path, options));
                  *context.out << "TTL of file '" << path << "' was successfully removed.\n";
                  return absl::OkStatus();
                });
          }};
}

Command SetReplicationCommand() {
  return {"setReplication",
          "[-R] [--max <num> | --min <num>] <path>",
          "Sets the fewest and the most copies of a file, or of the files in a directory.",
          {{"-R", false, {}, "set replication recursively"},
           {"--max", true, {}, "the maximum number of copies; -1 is no limit"},
           {"--min", true, {}, "the minimum number of copies"}},
          1,
          1,
          SetReplication};
}

}  // namespace spillway::cli
