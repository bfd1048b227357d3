#include <algorithm>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "cli/fs/commands.h"
#include "cli/fs/transfer.h"

namespace spillway::cli {
namespace {

// A reader's pushes become a writer's pulls through a short queue.
class Pipe {
 public:
  Status Push(std::string_view data) {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](Pipe* p) { return p->piece_.empty() || p->closed_; }, this));
    if (closed_) return Status(StatusCode::kCancelled, "the writer stopped");
    piece_ = std::string(data);
    return absl::OkStatus();
  }
  void End(Status status) {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
    status_ = std::move(status);
  }
  StatusOr<std::string> Pull() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](Pipe* p) { return !p->piece_.empty() || p->ended_; }, this));
    if (piece_.empty() && !status_.ok()) return status_;
    return std::exchange(piece_, {});
  }
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

 private:
  absl::Mutex mutex_;
  std::string piece_;
  bool ended_ = false;
  bool closed_ = false;
  Status status_;
};

Status CopyFile(Context& context, const std::string& source, const std::string& target,
                const WriteOptions& options, const Moved& moved) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, context.master->GetStatus(source));
  Pipe pipe;
  std::thread reader([&] {
    pipe.End(context.fs->ReadFile(file, 0, -1, [&](std::string_view data) {
      moved(static_cast<int64_t>(data.size()));
      return pipe.Push(data);
    }));
  });
  const Status status = context.fs->WriteFile(target, options, [&] { return pipe.Pull(); });
  pipe.Close();
  reader.join();
  return status;
}

// Owner, group, mode and ACL.
Status CopyAttributes(Context& context, const Transfer& transfer) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus from, context.master->GetStatus(transfer.source));
  SetAttributeOptions options;
  options.owner = from.owner;
  options.group = from.group;
  options.mode = from.mode;
  SPILLWAY_RETURN_IF_ERROR(context.master->SetAttribute(transfer.target, options));
  if (from.acl.empty()) return absl::OkStatus();
  return context.admin->SetAcl(transfer.target, AclAction::kModify, from.acl, false);
}

// Makes the folders of one source below `to`, and appends its files.
Status PlanCopy(Context& context, const Arguments& arguments, const std::string& source,
                const std::string& to, const std::function<void(const Status&)>& failed,
                std::vector<Transfer>* transfers) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(source));
  if (!status.is_directory) {
    transfers->push_back({source, to, status.length_bytes});
    return absl::OkStatus();
  }
  if (!arguments.Has("-R")) {
    return InvalidArgument(
        "{} is a directory, to copy it please use \"cp -R/-r/--recursive <src> <dst>\"", source);
  }
  SPILLWAY_ASSIGN_OR_RETURN(const auto tree, ListTree(context, source));
  CreateDirectoryOptions directory;
  directory.recursive = true;
  directory.allow_exists = true;
  SPILLWAY_RETURN_IF_ERROR(context.master->CreateDirectory(to, directory));
  Say(context, "Created directory: " + to);
  for (const FileStatus& entry : tree) {
    const std::string at = to + entry.path.substr(source == "/" ? 0 : source.size());
    if (!entry.is_directory) {
      transfers->push_back({entry.path, at, entry.length_bytes});
    } else if (const Status made = context.master->CreateDirectory(at, directory); made.ok()) {
      Say(context, "Created directory: " + at);
    } else {
      failed(Annotate(made, entry.path));
    }
  }
  return absl::OkStatus();
}

StatusOr<int> Copy(Context& context, const Arguments& arguments) {
  if (arguments.values[0].rfind("file://", 0) == 0 ||
      arguments.values[1].rfind("file://", 0) == 0) {
    Arguments local;
    local.values = arguments.values;
    const bool from = arguments.values[0].rfind("file://", 0) == 0;
    return (from ? CopyFromLocalCommand() : CopyToLocalCommand()).run(context, local);
  }
  SPILLWAY_ASSIGN_OR_RETURN(const auto sources, ExpandPath(context, arguments.values[0]));
  SPILLWAY_ASSIGN_OR_RETURN(const std::string target, NormalizePath(arguments.values[1]));
  const auto existing = context.master->GetStatus(target);
  const bool into = (existing.ok() && existing->is_directory) || sources.size() > 1;
  WriteOptions options = WriteOptionsFrom(*context.config);
  options.create.overwrite = arguments.Has("--overwrite");
  std::vector<Transfer> transfers;
  int code = 0;
  const auto failed = [&](const Status& status) {
    Say(context, Message(status));
    code = kFailed;
  };
  for (const std::string& source : sources) {
    const std::string to = into ? JoinPath(target, BaseName(source)) : target;
    if (const Status planned = PlanCopy(context, arguments, source, to, failed, &transfers);
        !planned.ok())
      failed(planned);
  }
  const auto copy = [&](const Transfer& transfer, const Moved& moved) -> Status {
    SPILLWAY_RETURN_IF_ERROR(CopyFile(context, transfer.source, transfer.target, options, moved));
    if (arguments.Has("-p")) SPILLWAY_RETURN_IF_ERROR(CopyAttributes(context, transfer));
    Say(context, "Copied " + transfer.source + " to " + transfer.target);
    return absl::OkStatus();
  };
  return std::max(code, RunTransfers(context, "copying", transfers, copy));
}

}  // namespace

Command CpCommand() {
  return {"cp",
          "[-R/-r/--recursive] [-p] <src> <dst>",
          "Copies a file or a directory in the Alluxio file system or between the local file "
          "system and it.",
          {{"-R", false, {"-r", "--recursive"}, "copy files in subdirectories recursively"},
           {"--overwrite", false, {}, "replace files that exist"},
           {"--thread", true, {}, "accepted for compatibility"},
           {"-p", false, {"--preserve"}, "owner, group, permission and ACL too"},
           {"--buffersize", true, {}, "accepted for compatibility"}},
          2,
          2,
          Copy};
}

}  // namespace spillway::cli
