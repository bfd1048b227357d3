#include <filesystem>
#include <fstream>

#include "cli/fs/commands.h"
#include "cli/fs/transfer.h"

namespace spillway::cli {
namespace {

namespace stdfs = std::filesystem;

// The file appears under its name when it is whole.
Status CopyOut(Context& context, const Transfer& transfer) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, context.master->GetStatus(transfer.source));
  const std::string temp = transfer.target + ".spillway-tmp";
  std::ofstream out(temp, std::ios::binary | std::ios::trunc);
  if (!out) return NotFound("Cannot write {}", temp);
  Status status = context.fs->ReadFile(file, 0, -1, [&](std::string_view data) {
    out.write(data.data(), static_cast<std::streamsize>(data.size()));
    return out ? absl::OkStatus()
               : MakeStatus(StatusCode::kResourceExhausted, "Cannot write {}", temp);
  });
  out.close();
  if (status.ok() && !out)
    status = MakeStatus(StatusCode::kResourceExhausted, "Cannot write {}", temp);
  std::error_code error;
  if (status.ok()) stdfs::rename(temp, transfer.target, error);
  if (error) status = NotFound("Cannot write {}: {}", transfer.target, error.message());
  if (!status.ok()) stdfs::remove(temp, error);
  return status;
}

StatusOr<int> Run(Context& context, const Arguments& arguments) {
  std::string target = arguments.values[1];
  if (target.rfind("file://", 0) == 0) target = target.substr(7);
  std::error_code error;
  SPILLWAY_ASSIGN_OR_RETURN(const auto sources, ExpandPath(context, arguments.values[0]));
  std::vector<Transfer> transfers;
  for (const std::string& source : sources) {
    SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(source));
    const bool into = stdfs::is_directory(target, error) || sources.size() > 1;
    const std::string to = into ? (stdfs::path(target) / BaseName(source)).string() : target;
    if (!status.is_directory) {
      stdfs::create_directories(stdfs::path(to).parent_path(), error);
      transfers.push_back({source, to, status.length_bytes});
      continue;
    }
    stdfs::create_directories(to, error);
    if (error) return NotFound("Cannot create folder {}: {}", to, error.message());
    Say(context, "Create directory: file://" + stdfs::absolute(to).string());
    SPILLWAY_ASSIGN_OR_RETURN(const auto tree, ListTree(context, source));
    for (const FileStatus& entry : tree) {
      const std::string at = to + entry.path.substr(source == "/" ? 0 : source.size());
      if (entry.is_directory) {
        stdfs::create_directories(at, error);
        Say(context, "Create directory: file://" + stdfs::absolute(at).string());
      } else {
        transfers.push_back({entry.path, at, entry.length_bytes, true});
      }
    }
  }
  const int code = RunTransfers(context, "copying", transfers, [&](const Transfer& transfer) {
    const Status status = CopyOut(context, transfer);
    if (status.ok() && transfer.part_of_tree)
      Say(context,
          "Copied " + transfer.source + " to file://" + stdfs::absolute(transfer.target).string());
    return status;
  });
  if (code == 0)
    *context.out << "Copied " << arguments.values[0] << " to file://"
                 << stdfs::absolute(target).string() << "\n";
  return code;
}

}  // namespace

Command CopyToLocalCommand() {
  return {"copyToLocal",
          "[--buffersize <bytes>] <src> <localDst>",
          "Copies a file or a directory from the Alluxio file system to the local file system.",
          {{"--buffersize", true, {}, "accepted for compatibility"}},
          2,
          2,
          Run};
}

}  // namespace spillway::cli
