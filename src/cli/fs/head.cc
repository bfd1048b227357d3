#include "cli/fs/commands.h"
#include "common/checked.h"

namespace spillway::cli {

Command HeadCommand() {
  return {"head",
          "[-c <bytes>] <path>",
          "Prints the file's first n bytes (by default, 1KB) to the console.",
          {{"-c", true, {}, "number of bytes"}},
          1,
          1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const int64_t asked, ParseBytes(arguments.Get("-c", "1KB")));
            SPILLWAY_ASSIGN_OR_RETURN(const int64_t bytes, InRange(asked, 0, INT64_MAX, "-c"));
            return ForEachPath(
                context, arguments.values[0], [&](const std::string& path) -> Status {
                  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, context.master->GetStatus(path));
                  return context.fs->ReadFile(file, 0, bytes, [&](std::string_view data) {
                    context.out->write(data.data(), static_cast<std::streamsize>(data.size()));
                    return absl::OkStatus();
                  });
                });
          }};
}

}  // namespace spillway::cli
