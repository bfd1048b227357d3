#include "cli/fs/commands.h"

namespace spillway::cli {

Command CountCommand() {
  return {"count",
          "[-h] <path>",
          "Displays the number of files and directories matching the specified prefix.",
          {{"-h", false, {}, "print sizes in human readable format"}},
          1,
          1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[0]));
            SPILLWAY_ASSIGN_OR_RETURN(const auto tree, ListTree(context, path));
            int64_t files = 0;
            int64_t folders = 0;
            int64_t bytes = 0;
            for (const FileStatus& status : tree) {
              (status.is_directory ? folders : files)++;
              if (!status.is_directory) bytes += status.length_bytes;
            }
            const std::string size =
                arguments.Has("-h") ? FormatBytes(bytes) : std::to_string(bytes);
            *context.out << fmt::format("{:<24} {:<24} {:<15}\n", "File Count", "Folder Count",
                                        "Folder Size")
                         << fmt::format("{:<24} {:<24} {:<15}\n", files, folders, size);
            return 0;
          }};
}

}  // namespace spillway::cli
