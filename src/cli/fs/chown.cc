#include "cli/fs/commands.h"

namespace spillway::cli {

Command ChownCommand() {
  return {
      "chown",
      "[-R] <owner>[:<group>] <path>",
      "Changes the owner of a file or directory specified by args.",
      {{"-R", false, {"--recursive"}, "change recursively"}},
      2,
      2,
      [](Context& context, const Arguments& arguments) {
        const std::string& who = arguments.values[0];
        const size_t colon = who.find(':');
        return ForEachPath(context, arguments.values[1], [&](const std::string& path) -> Status {
          SetAttributeOptions options;
          options.owner = who.substr(0, colon);
          if (colon != std::string::npos) options.group = who.substr(colon + 1);
          options.recursive = arguments.Has("-R");
          SPILLWAY_RETURN_IF_ERROR(context.master->SetAttribute(path, options));
          *context.out << (options.group
                               ? fmt::format("Changed owner:group of {} to {}:{}.\n", path,
                                             *options.owner, *options.group)
                               : fmt::format("Changed owner of {} to {}\n", path, *options.owner));
          return absl::OkStatus();
        });
      }};
}

}  // namespace spillway::cli
