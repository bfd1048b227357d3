#include "cli/fs/commands.h"

namespace spillway::cli {

Command MkdirCommand() {
  return {"mkdir",
          "<path1> [path2] ... [pathn]",
          "Creates the specified directories, including any parent directories that are required.",
          {},
          1,
          -1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            for (const std::string& value : arguments.values) {
              SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(value));
              CreateDirectoryOptions options;
              options.recursive = true;
              const WriteOptions write = WriteOptionsFrom(*context.config);
              options.mode = 0777 & (write.create.mode | (write.create.mode >> 2 & 0111));
              options.write_type = write.create.write_type;
              SPILLWAY_RETURN_IF_ERROR(context.master->CreateDirectory(path, options));
              *context.out << "Successfully created directory " << path << "\n";
            }
            return 0;
          }};
}

}  // namespace spillway::cli
