#include "cli/fs/commands.h"

namespace spillway::cli {

Command TestCommand() {
  return {"test",
          "[-d|-f|-e|-s|-z] <path>",
          "Tests a property of a path; 0 if it holds, 1 if not, 3 if the path is missing.",
          {{"-d", false, {}, "the path is a directory"},
           {"-e", false, {}, "the path exists"},
           {"-f", false, {}, "the path is a file"},
           {"-s", false, {}, "the path is not empty"},
           {"-z", false, {}, "the file is zero length"}},
          1,
          1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[0]));
            const auto status = context.master->GetStatus(path);
            if (status.status().code() == StatusCode::kNotFound) return 3;
            if (!status.ok()) {
              *context.out << Message(status.status()) << "\n";
              return 2;
            }
            if (arguments.flags.empty()) return kFailed;
            bool holds = false;
            if (arguments.Has("-d")) holds = status->is_directory;
            if (arguments.Has("-f")) holds = !status->is_directory;
            if (arguments.Has("-e")) holds = true;
            if (arguments.Has("-s")) holds = status->length_bytes > 0;
            if (arguments.Has("-z")) holds = status->length_bytes == 0;
            return holds ? 0 : 1;
          }};
}

}  // namespace spillway::cli
