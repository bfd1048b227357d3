#include <algorithm>
#include <filesystem>

#include "cli/fs/commands.h"
#include "cli/fs/transfer.h"

namespace spillway::cli {
namespace {

namespace stdfs = std::filesystem;

// Where one local source goes: into a directory that exists, or under the name given.
StatusOr<std::string> TargetOf(Context& context, const std::string& source,
                               const std::string& target, bool many) {
  const auto status = context.master->GetStatus(target);
  if (status.ok() && status->is_directory) {
    return JoinPath(target, stdfs::path(source).lexically_normal().filename().string());
  }
  if (status.ok())
    return MakeStatus(StatusCode::kAlreadyExists,
                      "{} already exists. If you want to overwrite the file, you need to specify "
                      "the overwrite option.",
                      target);
  if (status.status().code() != StatusCode::kNotFound) return status.status();
  if (many) return JoinPath(target, stdfs::path(source).filename().string());
  return target;
}

StatusOr<int> CopyFromLocal(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const std::string target, NormalizePath(arguments.values.back()));
  std::vector<std::string> sources(arguments.values.begin(), arguments.values.end() - 1);
  std::vector<Transfer> transfers;
  int code = 0;
  const auto failed = [&](const Status& status) {
    Say(context, Message(status));
    code = kFailed;
  };
  const auto make_folder = [&](const std::string& path) {
    CreateDirectoryOptions options;
    options.recursive = true;
    options.allow_exists = true;
    return context.master->CreateDirectory(path, options);
  };
  for (std::string source : sources) {
    if (source.rfind("file://", 0) == 0) source = source.substr(7);
    const auto to = TargetOf(context, source, target, sources.size() > 1);
    if (!to.ok()) {
      failed(to.status());
    } else {
      PlanUpload(source, *to, make_folder, failed, &transfers);
    }
  }
  const WriteOptions options = WriteOptionsFrom(*context.config);
  const auto copy = [&](const Transfer& transfer, const Moved& moved) -> Status {
    SPILLWAY_ASSIGN_OR_RETURN(const ByteSource source, OpenLocalSource(transfer.source, moved));
    SPILLWAY_RETURN_IF_ERROR(context.fs->WriteFile(transfer.target, options, source));
    if (transfer.part_of_tree)
      Say(context,
          "Copied file://" + stdfs::absolute(transfer.source).string() + " to " + transfer.target);
    return absl::OkStatus();
  };
  code = std::max(code, RunTransfers(context, "copying", transfers, copy));
  if (code != 0) return code;
  for (const std::string& source : sources) {
    const std::string shown = source.rfind("file://", 0) == 0
                                  ? source
                                  : "file://" + stdfs::absolute(source).lexically_normal().string();
    *context.out << "Copied " << shown << " to " << target << "\n";
  }
  return 0;
}

}  // namespace

Command CopyFromLocalCommand() {
  return {"copyFromLocal",
          "[--thread <num>] <src> [src ...] <remoteDst>",
          "Copies files or directories from the local file system to the Alluxio file system.",
          {{"--thread", true, {}, "accepted for compatibility; spillway.user.copy.threads is used"},
           {"--buffersize", true, {}, "accepted for compatibility"},
           {"--preserve", true, {}, "accepted for compatibility"}},
          2,
          -1,
          CopyFromLocal};
}

}  // namespace spillway::cli
