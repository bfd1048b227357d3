// fsadmin lostBlocks: files that workers have set aside because they are no whole blocks.
#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "cli/fs/commands.h"
#include "cli/fsadmin/commands.h"

namespace spillway::cli {
namespace {

constexpr int64_t kWaitMs = 30'000;
constexpr int64_t kEntriesMax = 20;

struct Found {
  std::string host;
  int data_port = 0;
  LostFile file;
  std::string worker() const { return fmt::format("{}:{}", host, data_port); }
};

StatusOr<std::vector<Found>> Find(Context& context, const Arguments& arguments) {
  SPILLWAY_ASSIGN_OR_RETURN(const auto report, context.master->GetHealthReport(kEntriesMax));
  const std::string worker = arguments.Get("-worker", "");
  const std::string folder = arguments.Get("-folder", "");
  std::vector<Found> found;
  for (const WorkerFolders& its : report.workers) {
    for (const LostFile& file : its.lost) {
      const Found one{its.host, its.data_port, file};
      const bool wanted = (worker.empty() || worker == its.host || worker == one.worker()) &&
                          (folder.empty() || folder == Shown(file.folder));
      if (wanted) found.push_back(one);
    }
  }
  return found;
}

void ListLost(std::ostream& out, const std::vector<Found>& files) {
  if (files.empty()) {
    out << "No file is set aside.\n";
    return;
  }
  for (const Found& found : files) {
    out << fmt::format("{} {} {}\n    {}, {}\n", found.worker(), Shown(found.file.folder),
                       Shown(found.file.name), FormatBytes(found.file.bytes),
                       Shown(found.file.why));
  }
}

// Those that the names mean; each name must mean one.
StatusOr<std::vector<Found>> Named(const std::vector<Found>& files,
                                   const std::vector<std::string>& names) {
  std::vector<Found> named;
  for (const std::string& name : names) {
    size_t count = 0;
    for (const Found& found : files) {
      if (Shown(found.file.name) != name) continue;
      named.push_back(found);
      ++count;
    }
    if (count == 0) return NotFound("No worker has set {} aside.", name);
    if (count > 1)
      return InvalidArgument("There are {} files {}: name one with -worker and -folder.", count,
                             name);
  }
  return named;
}

// Waits until the worker has told the outcome. *why is empty if the file is gone.
Status AwaitOutcome(Context& context, const Found& asked, std::string* why) {
  SystemClock clock;
  const int64_t end_ms = clock.MonotonicMs() + kWaitMs;
  while (true) {
    SPILLWAY_ASSIGN_OR_RETURN(const auto now, Find(context, Arguments()));
    const Found* still = nullptr;
    for (const Found& found : now) {
      const bool same = found.worker() == asked.worker() &&
                        found.file.folder == asked.file.folder &&
                        found.file.name == asked.file.name;
      if (same) still = &found;
    }
    *why = still == nullptr ? "" : Shown(still->file.why);
    if (still == nullptr || still->file.why != asked.file.why) return absl::OkStatus();
    if (clock.MonotonicMs() >= end_ms) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(100));
  }
}

StatusOr<int> LostBlocks(Context& context, const Arguments& arguments) {
  const std::string& verb = arguments.values[0];
  if (verb != "list" && verb != "restore" && verb != "drop")
    return InvalidArgument("{} is none of list, restore and drop.", verb);
  SPILLWAY_ASSIGN_OR_RETURN(std::vector<Found> files, Find(context, arguments));
  if (verb == "list") {
    ListLost(*context.out, files);
    return 0;
  }
  const std::vector<std::string> names(arguments.values.begin() + 1, arguments.values.end());
  if (names.empty() != arguments.Has("--all")) return InvalidArgument("Name files, or say --all.");
  if (!names.empty()) {
    SPILLWAY_ASSIGN_OR_RETURN(files, Named(files, names));
  }
  const LostFileAction action = verb == "drop" ? LostFileAction::kDrop : LostFileAction::kRestore;
  int code = 0;
  for (const Found& found : files) {
    std::string why;
    SPILLWAY_RETURN_IF_ERROR(
        context.master->ChangeLostFile(found.host, found.data_port, found.file, action));
    SPILLWAY_RETURN_IF_ERROR(AwaitOutcome(context, found, &why));
    *context.out << found.worker() << " " << Shown(found.file.name) << ": "
                 << (!why.empty()     ? why
                     : verb == "drop" ? "dropped"
                                      : "restored")
                 << "\n";
    if (!why.empty()) code = kFailed;
  }
  return code;
}

}  // namespace

std::string Shown(const std::string& text) { return absl::Utf8SafeCEscape(text); }

Command LostBlocksCommand() {
  return {"lostBlocks",
          "<list|restore|drop> [-worker <host[:port]>] [-folder <path>] [--all] [<name> ...]",
          "Lists files that workers set aside because they are no whole blocks, makes blocks of "
          "those that are after all, or removes them.",
          {{"-worker", true, {}, "files of this worker only"},
           {"-folder", true, {}, "files of this storage folder only"},
           {"--all", false, {}, "all that list shows"}},
          1,
          -1,
          LostBlocks};
}

}  // namespace spillway::cli
