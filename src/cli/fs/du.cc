#include "cli/fs/commands.h"

namespace spillway::cli {

namespace {

std::string Row(const std::string& size, const std::string& in_cluster, const std::string& memory,
                bool with_memory, const std::string& path) {
  if (with_memory) return fmt::format("{:<13} {:<16} {:<16} {}\n", size, in_cluster, memory, path);
  return fmt::format("{:<13} {:<16} {}\n", size, in_cluster, path);
}

}  // namespace

Command DuCommand() {
  return {"du",
          "[-h] [-s] [-m] <path>",
          "Displays the total size of the specified file or directory.",
          {{"-h", false, {}, "print sizes in human readable format"},
           {"-s", false, {"--summarize"}, "one row with the sum"},
           {"-m", false, {"--memory"}, "size in memory too"}},
          1,
          1,
          [](Context& context, const Arguments& arguments) -> StatusOr<int> {
            const bool memory = arguments.Has("-m");
            const auto size = [&](int64_t bytes) {
              return arguments.Has("-h") ? FormatBytes(bytes) : std::to_string(bytes);
            };
            const auto part = [&](int64_t bytes, int64_t of) {
              return fmt::format("{} ({}%)", size(bytes), of == 0 ? 0 : bytes * 100 / of);
            };
            *context.out << Row("File Size", "In Alluxio", "In Memory", memory, "Path");
            return ForEachPath(
                context, arguments.values[0], [&](const std::string& path) -> Status {
                  SPILLWAY_ASSIGN_OR_RETURN(const auto tree, ListTree(context, path));
                  int64_t total = 0;
                  int64_t held = 0;
                  int64_t in_memory = 0;
                  for (const FileStatus& status : tree) {
                    if (status.is_directory) continue;
                    const int64_t in = status.length_bytes * status.in_cluster_percentage / 100;
                    const int64_t mem = status.length_bytes * status.in_memory_percentage / 100;
                    total += status.length_bytes;
                    held += in;
                    in_memory += mem;
                    if (arguments.Has("-s")) continue;
                    *context.out << Row(size(status.length_bytes), part(in, status.length_bytes),
                                        part(mem, status.length_bytes), memory, status.path);
                  }
                  if (arguments.Has("-s"))
                    *context.out << Row(size(total), part(held, total), part(in_memory, total),
                                        memory, path);
                  return absl::OkStatus();
                });
          }};
}

}  // namespace spillway::cli
