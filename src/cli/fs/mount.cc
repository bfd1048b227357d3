// mount, updateMount and unmount.
#include <algorithm>

#include "cli/fs/commands.h"
#include "cli/json.h"

namespace spillway::cli {
namespace {

const std::vector<Flag> kMountFlags{{"--readonly", false, {}, "mount point is read-only"},
                                    {"--shared", false, {}, "mount point is shared"},
                                    {"--option", true, {}, "key=value, may be given repeatedly"}};

StatusOr<MountOptions> OptionsOf(const Arguments& arguments) {
  MountOptions options;
  options.read_only = arguments.Has("--readonly");
  options.shared = arguments.Has("--shared");
  for (const auto& [flag, value] : arguments.all) {
    if (flag != "--option") continue;
    const size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0)
      return InvalidArgument("--option needs key=value, not {}", value);
    options.properties[value.substr(0, equals)] = value.substr(equals + 1);
  }
  return options;
}

Status PrintMounts(Context& context) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto mounts, context.master->GetMounts());
  for (const std::string& line : FormatMounts(mounts)) *context.out << line << "\n";
  return absl::OkStatus();
}

StatusOr<int> Mount(Context& context, const Arguments& arguments) {
  if (arguments.Has("--json")) {
    SPILLWAY_ASSIGN_OR_RETURN(const auto mounts, context.master->GetMounts());
    *context.out << Text(ToJson(mounts)) << "\n";
    return 0;
  }
  if (arguments.values.empty()) {
    SPILLWAY_RETURN_IF_ERROR(PrintMounts(context));
    return 0;
  }
  if (arguments.values.size() != 2) return InvalidArgument("mount takes 0 or 2 arguments");
  SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[0]));
  SPILLWAY_ASSIGN_OR_RETURN(const MountOptions options, OptionsOf(arguments));
  if (arguments.Has("--remount")) SPILLWAY_RETURN_IF_ERROR(context.admin->Unmount(path));
  SPILLWAY_RETURN_IF_ERROR(context.admin->Mount(path, arguments.values[1], options));
  *context.out << "Mounted " << arguments.values[1] << " at " << path << "\n";
  return 0;
}

}  // namespace

std::vector<std::string> FormatMounts(const std::vector<MountInfo>& mounts) {
  size_t uri = 0;
  size_t path = 0;
  for (const MountInfo& mount : mounts) {
    uri = std::max(uri, mount.uri.size());
    path = std::max(path, mount.path.size());
  }
  std::vector<std::string> lines;
  for (const MountInfo& mount : mounts) {
    std::string properties;
    for (const auto& [key, value] : mount.properties)
      properties += (properties.empty() ? "" : ", ") + key + "=" + value;
    lines.push_back(
        fmt::format("{:<{}}  on  {:<{}}  ({}, capacity=-1B, used=-1B, {}read-only, {}shared, "
                    "properties={{{}}})",
                    mount.uri, uri, mount.path, path, mount.type, mount.read_only ? "" : "not ",
                    mount.shared ? "" : "not ", properties));
  }
  return lines;
}

Command MountCommand() {
  auto flags = kMountFlags;
  flags.push_back({"--json", false, {}, "list what is mounted as JSON"});
  flags.push_back({"--remount", false, {}, "unmount what is mounted there before"});
  return {"mount",
          "[--readonly] [--shared] [--remount] [--option <key=val>] <alluxioPath> <ufsURI>",
          "Mounts an understore at a path; without arguments lists what is mounted.",
          flags,
          0,
          2,
          Mount};
}

Command UpdateMountCommand() {
  return {"updateMount",
          "[--readonly] [--shared] [--option <key=val>] <alluxioPath>",
          "Updates the options of a mount point; none of the old ones is kept.",
          kMountFlags,
          1,
          1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[0]));
            SPILLWAY_ASSIGN_OR_RETURN(const MountOptions options, OptionsOf(arguments));
            SPILLWAY_RETURN_IF_ERROR(context.admin->UpdateMount(path, options));
            *context.out << "Updated mount point options at " << path << "\n";
            return 0;
          }};
}

Command UnmountCommand() {
  return {"unmount",
          "<alluxioPath>",
          "Unmounts an Alluxio path. Waits for what is still on its way to the understore.",
          {},
          1,
          1,
          [](Context& context, const Arguments& arguments) {
            return ForEachPath(context, arguments.values[0],
                               [&](const std::string& path) -> Status {
                                 SPILLWAY_RETURN_IF_ERROR(context.admin->Unmount(path));
                                 *context.out << "Unmounted " << path << "\n";
                                 return absl::OkStatus();
                               });
          }};
}

}  // namespace spillway::cli
