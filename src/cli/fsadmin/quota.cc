// fsadmin quota: limits of what is below a directory.
#include "absl/strings/numbers.h"
#include "cli/fsadmin/commands.h"
#include "common/format.h"
#include "common/path.h"

namespace spillway::cli {
namespace {

std::string Limit(int64_t now, int64_t most, bool bytes) {
  const auto text = [&](int64_t n) { return bytes ? FormatBytes(n) : std::to_string(n); };
  return text(now) + " of " + (most == 0 ? "any" : text(most));
}

StatusOr<int> RunQuota(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const std::string path, NormalizePath(arguments.values[0]));
  if (!arguments.Has("--files") && !arguments.Has("--bytes") && !arguments.Has("--clear")) {
    SPILLWAY_ASSIGN_OR_RETURN(const auto quotas, context.admin->ListQuotas(path));
    for (const Quota& quota : quotas)
      *context.out << fmt::format("{}  files: {}  bytes: {}\n", quota.path,
                                  Limit(quota.files, quota.files_max, false),
                                  Limit(quota.bytes, quota.bytes_max, true));
    return 0;
  }
  int64_t files = 0;
  if (arguments.Has("--files") &&
      (!absl::SimpleAtoi(arguments.Get("--files", ""), &files) || files <= 0))
    return InvalidArgument("--files needs a number above 0");
  int64_t bytes = 0;
  if (arguments.Has("--bytes")) {
    SPILLWAY_ASSIGN_OR_RETURN(bytes, ParseBytes(arguments.Get("--bytes", "")));
    if (bytes <= 0) return InvalidArgument("--bytes needs a size above 0");
  }
  SPILLWAY_RETURN_IF_ERROR(context.admin->SetQuota(path, files, bytes));
  *context.out << "The quota of " << path << " was " << (files + bytes > 0 ? "set" : "cleared")
               << ".\n";
  return 0;
}

}  // namespace

Command QuotaCommand() {
  return {"quota",
          "[--files <n>] [--bytes <size>] [--clear] <path>",
          "Limits the files below a directory and their bytes (each file once, whatever its "
          "copies); without options lists the quotas at and below path.",
          {{"--files", true, {}, "the most files"},
           {"--bytes", true, {}, "the most bytes, such as 10GB"},
           {"--clear", false, {}, "no limit any more"}},
          1,
          1,
          RunQuota};
}

}  // namespace spillway::cli
