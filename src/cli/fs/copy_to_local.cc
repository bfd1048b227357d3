#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/fs/commands.h"
#include "cli/fs/transfer.h"

namespace spillway::cli {
namespace {

namespace stdfs = std::filesystem;

// The file appears under its name when it is whole.
Status CopyOut(Context& context, const Transfer& transfer, const Moved& moved) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, context.master->GetStatus(transfer.source));
  const std::string temp = transfer.target + ".spillway-tmp";
  std::ofstream out(temp, std::ios::binary | std::ios::trunc);
  if (!out) return NotFound("Cannot write {}", temp);
  Status status = context.fs->ReadFile(file, 0, -1, [&](std::string_view data) {
    out.write(data.data(), static_cast<std::streamsize>(data.size()));
    moved(static_cast<int64_t>(data.size()));
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

// Makes the folders of one source below `to`, and appends its files.
Status PlanDownload(Context& context, const std::string& source, const std::string& to,
                    const std::function<void(const Status&)>& failed,
                    std::vector<Transfer>* transfers) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(source));
  const auto make_folder = [&](const std::string& path) -> Status {
    std::error_code error;
    stdfs::create_directories(path, error);
    if (!error && !stdfs::is_directory(path, error))
      error = std::make_error_code(std::errc::not_a_directory);
    if (error) return NotFound("Cannot create folder {}: {}", path, error.message());
    return absl::OkStatus();
  };
  if (!status.is_directory) {
    const std::string parent = stdfs::path(to).parent_path().string();
    if (!parent.empty()) SPILLWAY_RETURN_IF_ERROR(make_folder(parent));
    transfers->push_back({source, to, status.length_bytes});
    return absl::OkStatus();
  }
  SPILLWAY_RETURN_IF_ERROR(make_folder(to));
  Say(context, "Create directory: file://" + stdfs::absolute(to).string());
  SPILLWAY_ASSIGN_OR_RETURN(const auto tree, ListTree(context, source));
  for (const FileStatus& entry : tree) {
    const std::string at = to + entry.path.substr(source == "/" ? 0 : source.size());
    if (!entry.is_directory) {
      transfers->push_back({entry.path, at, entry.length_bytes, true});
    } else if (const Status made = make_folder(at); made.ok()) {
      Say(context, "Create directory: file://" + stdfs::absolute(at).string());
    } else {
      failed(made);
    }
  }
  return absl::OkStatus();
}

StatusOr<int> CopyToLocal(Context& context, const Arguments& arguments) {
  std::string target = arguments.values[1];
  if (target.rfind("file://", 0) == 0) target = target.substr(7);
  SPILLWAY_ASSIGN_OR_RETURN(const auto sources, ExpandPath(context, arguments.values[0]));
  std::vector<Transfer> transfers;
  int code = 0;
  const auto failed = [&](const Status& status) {
    Say(context, Message(status));
    code = kFailed;
  };
  std::error_code ignored;
  const bool into = stdfs::is_directory(target, ignored) || sources.size() > 1;
  for (const std::string& source : sources) {
    const std::string to = into ? (stdfs::path(target) / BaseName(source)).string() : target;
    if (const Status planned = PlanDownload(context, source, to, failed, &transfers); !planned.ok())
      failed(planned);
  }
  const auto copy = [&](const Transfer& transfer, const Moved& moved) {
    const Status status = CopyOut(context, transfer, moved);
    if (status.ok() && transfer.part_of_tree)
      Say(context,
          "Copied " + transfer.source + " to file://" + stdfs::absolute(transfer.target).string());
    return status;
  };
  code = std::max(code, RunTransfers(context, "copying", transfers, copy));
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
          CopyToLocal};
}

}  // namespace spillway::cli
