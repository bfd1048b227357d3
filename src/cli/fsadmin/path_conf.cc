// fsadmin pathConf: client properties by path.
#include "absl/strings/str_split.h"
#include "cli/fsadmin/commands.h"
#include "common/path.h"

namespace spillway::cli {
namespace {

StatusOr<int> Add(Context& context, const std::string& path, const Arguments& arguments) {
  Properties properties;
  for (const auto& [flag, value] : arguments.all) {
    if (flag != "--property") continue;
    const size_t equals = value.find('=');
    if (equals == std::string::npos) return InvalidArgument("--property needs key=value");
    const std::string key = value.substr(0, equals);
    if (key.rfind("alluxio.user.", 0) != 0) return InvalidArgument("Invalid property key {}", key);
    properties[key] = value.substr(equals + 1);
  }
  if (properties.empty()) return InvalidArgument("pathConf add needs --property key=value");
  SPILLWAY_RETURN_IF_ERROR(context.admin->SetPathProperties(path, properties));
  return 0;
}

// Of the path alone, or of all above it with the longest path going first.
StatusOr<int> Show(Context& context, const std::string& path, bool all) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto paths, context.admin->GetPathProperties());
  Properties shown;
  for (const auto& [at, properties] : paths) {  // ordered: nearer ones come later
    if (at != path && !(all && IsWithin(path, at))) continue;
    for (const auto& [key, value] : properties) shown[key] = value;
  }
  for (const auto& [key, value] : shown) *context.out << key << "=" << value << "\n";
  return 0;
}

StatusOr<int> PathConf(Context& context, const Arguments& arguments) {
  const std::string& action = arguments.values[0];
  if (action == "list") {
    SPILLWAY_ASSIGN_OR_RETURN(const auto paths, context.admin->GetPathProperties());
    for (const auto& [path, properties] : paths) *context.out << path << "\n";
    return 0;
  }
  if (arguments.values.size() != 2)
    return InvalidArgument("pathConf is list, or add, show or remove with a path");
  SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[1]));
  if (action == "add") return Add(context, path, arguments);
  if (action == "show") return Show(context, path, arguments.Has("--all"));
  if (action != "remove") return InvalidArgument("pathConf {} is not known", action);
  const std::vector<std::string> keys =
      absl::StrSplit(arguments.Get("--keys", ""), ',', absl::SkipWhitespace());
  SPILLWAY_RETURN_IF_ERROR(context.admin->RemovePathProperties(path, keys));
  return 0;
}

}  // namespace

Command PathConfCommand() {
  return {"pathConf",
          "list | add --property <key=value> <path> | show [--all] <path> | remove [--keys <keys>] "
          "<path>",
          "Defaults that clients use below a path.",
          {{"--property", true, {}, "add: key=value, may be given repeatedly"},
           {"--all", false, {}, "show: what holds there from above too"},
           {"--keys", true, {}, "remove: comma list; all if none is given"}},
          1,
          2,
          PathConf};
}

}  // namespace spillway::cli
