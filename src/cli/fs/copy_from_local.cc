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

Status Plan(Context& context, const std::string& source, const std::string& target,
            bool part_of_tree, std::vector<Transfer>* transfers) {
  std::error_code error;
  if (!stdfs::exists(source, error)) return NotFound("{} (No such file or directory)", source);
  if (!stdfs::is_directory(source, error)) {
    transfers->push_back(
        {source, target, static_cast<int64_t>(stdfs::file_size(source, error)), part_of_tree});
    return absl::OkStatus();
  }
  CreateDirectoryOptions options;
  options.recursive = true;
  options.allow_exists = true;
  SPILLWAY_RETURN_IF_ERROR(context.master->CreateDirectory(target, options));
  for (const auto& entry : stdfs::directory_iterator(source, error)) {
    SPILLWAY_RETURN_IF_ERROR(Plan(context, entry.path().string(),
                                  JoinPath(target, entry.path().filename().string()), true,
                                  transfers));
  }
  return error ? NotFound("Cannot list {}: {}", source, error.message()) : absl::OkStatus();
}

StatusOr<int> Run(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const std::string target, NormalizePath(arguments.values.back()));
  std::vector<std::string> sources(arguments.values.begin(), arguments.values.end() - 1);
  std::vector<Transfer> transfers;
  for (std::string source : sources) {
    if (source.rfind("file://", 0) == 0) source = source.substr(7);
    SPILLWAY_ASSIGN_OR_RETURN(const std::string to,
                              TargetOf(context, source, target, sources.size() > 1));
    SPILLWAY_RETURN_IF_ERROR(Plan(context, source, to, false, &transfers));
  }
  const WriteOptions options = WriteOptionsFrom(*context.config);
  const int code =
      RunTransfers(context, "copying", transfers, [&](const Transfer& transfer) -> Status {
        SPILLWAY_ASSIGN_OR_RETURN(const ByteSource source, OpenLocalSource(transfer.source));
        SPILLWAY_RETURN_IF_ERROR(context.fs->WriteFile(transfer.target, options, source));
        if (transfer.part_of_tree)
          Say(context, "Copied file://" + stdfs::absolute(transfer.source).string() + " to " +
                           transfer.target);
        return absl::OkStatus();
      });
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
          Run};
}

}  // namespace spillway::cli
