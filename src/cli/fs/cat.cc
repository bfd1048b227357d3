#include "cli/fs/commands.h"

namespace spillway::cli {

Command CatCommand() {
  return {"cat",
          "<path>",
          "Prints the file's contents to the console.",
          {},
          1,
          1,
          [](Context& context, const Arguments& arguments) {
            return ForEachPath(
                context, arguments.values[0], [&](const std::string& path) -> Status {
                  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, context.master->GetStatus(path));
                  return context.fs->ReadFile(file, 0, -1, [&](std::string_view data) {
                    context.out->write(data.data(), static_cast<std::streamsize>(data.size()));
                    return absl::OkStatus();
                  });
                });
          }};
}

}  // namespace spillway::cli
