#include "cli/fs/commands.h"

namespace spillway::cli {

namespace {

// "755", "u+w", "go-rx,a=r" applied to mode.
StatusOr<int> ApplyMode(const std::string& text, int mode) {
  if (text.find_first_not_of("01234567") == std::string::npos && !text.empty() &&
      text.size() <= 4) {
    return static_cast<int>(std::strtol(text.c_str(), nullptr, 8)) & 0777;
  }
  size_t at = 0;
  while (at < text.size()) {
    int who = 0;
    for (; at < text.size() && std::string("ugoa").find(text[at]) != std::string::npos; ++at) {
      who |= text[at] == 'u' ? 0700 : text[at] == 'g' ? 0070 : text[at] == 'o' ? 0007 : 0777;
    }
    if (who == 0) who = 0777;
    if (at == text.size() || std::string("+-=").find(text[at]) == std::string::npos) break;
    const char action = text[at++];
    int bits = 0;
    for (; at < text.size() && std::string("rwx").find(text[at]) != std::string::npos; ++at) {
      bits |= text[at] == 'r' ? 0444 : text[at] == 'w' ? 0222 : 0111;
    }
    bits &= who;
    mode = action == '+' ? mode | bits : action == '-' ? mode & ~bits : (mode & ~who) | bits;
    if (at == text.size()) return mode;
    if (text[at++] != ',') break;
  }
  return InvalidArgument("Invalid mode {} - contains invalid segment {}", text, text);
}

}  // namespace

Command ChmodCommand() {
  return {
      "chmod",
      "[-R] <mode> <path>",
      "Changes the permission of a file or directory specified by args.",
      {{"-R", false, {"--recursive"}, "change recursively"}},
      2,
      2,
      [](Context& context, const Arguments& arguments) {
        return ForEachPath(context, arguments.values[1], [&](const std::string& path) -> Status {
          SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(path));
          SPILLWAY_ASSIGN_OR_RETURN(const int mode, ApplyMode(arguments.values[0], status.mode));
          SetAttributeOptions options;
          options.mode = mode;
          options.recursive = arguments.Has("-R");
          SPILLWAY_RETURN_IF_ERROR(context.master->SetAttribute(path, options));
          *context.out << fmt::format("Changed permission of {} to {:o}\n", path, mode);
          return absl::OkStatus();
        });
      }};
}

}  // namespace spillway::cli
