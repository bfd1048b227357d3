#include <atomic>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cli/fs/commands.h"
#include "cli/progress.h"
#include "common/checked.h"

namespace spillway::cli {
namespace {

// Waits until file is in the understore; its state is asked for at growing intervals.
Status AwaitPersisted(Context& context, const std::string& path, int64_t timeout_ms) {
  SystemClock clock;
  const int64_t end = clock.MonotonicMs() + timeout_ms;
  int64_t pause_ms = 10;
  while (true) {
    SPILLWAY_ASSIGN_OR_RETURN(const FileStatus status, context.master->GetStatus(path));
    if (status.persistence_state == PersistenceState::kPersisted) return absl::OkStatus();
    if (clock.MonotonicMs() >= end) {
      return MakeStatus(StatusCode::kDeadlineExceeded,
                        "Timed out waiting for file to be persisted: {}", path);
    }
    absl::SleepFor(absl::Milliseconds(pause_ms));
    pause_ms = std::min<int64_t>(pause_ms * 2, 200);
  }
}

// The barrier: everything completed below path before now is in the store when this returns.
Status AwaitBarrier(Context& context, const std::string& path, int64_t timeout_ms) {
  SystemClock clock;
  const int64_t end = clock.MonotonicMs() + timeout_ms;
  SPILLWAY_ASSIGN_OR_RETURN(PersistProgress left, context.master->GetPersistProgress(path, 0));
  const int64_t cut = left.cut;
  const int64_t total = left.files_left;
  Progress progress(context, "persisting " + path, total, {"files"});
  const int64_t bytes_total = left.bytes_left;
  int64_t shown = 0;
  int64_t bytes_shown = 0;
  int64_t pause_ms = 10;
  while (left.files_left > 0) {
    if (clock.MonotonicMs() >= end) {
      return MakeStatus(StatusCode::kDeadlineExceeded,
                        "Timed out: {} files ({} bytes) below {} are not persisted yet; the oldest "
                        "is {}{}{}",
                        left.files_left, left.bytes_left, path, left.oldest_path,
                        left.oldest_error.empty() ? "" : ": ", left.oldest_error);
    }
    absl::SleepFor(absl::Milliseconds(pause_ms));
    pause_ms = std::min<int64_t>(pause_ms * 2, 250);
    SPILLWAY_ASSIGN_OR_RETURN(left, context.master->GetPersistProgress(path, cut));
    const int64_t done = std::max<int64_t>(0, total - left.files_left);
    const int64_t bytes = std::max<int64_t>(0, bytes_total - left.bytes_left);
    progress.Add(std::max<int64_t>(0, done - shown), std::max<int64_t>(0, bytes - bytes_shown));
    shown = std::max(shown, done);
    bytes_shown = std::max(bytes_shown, bytes);
  }
  *context.out << fmt::format("{} is persisted: {} files waited for", path, total);
  if (left.never_files > 0)
    *context.out << fmt::format(", {} on paths that are never persisted", left.never_files);
  *context.out << "\n";
  return absl::OkStatus();
}

// Hands what each path names to visit. One that cannot be listed is named, and the others are.
int ForEachTree(
    Context& context, const Arguments& arguments,
    const std::function<void(const std::string&, const std::vector<FileStatus>&)>& visit) {
  int code = 0;
  for (const std::string& value : arguments.values) {
    const int one = ForEachPath(context, value, [&](const std::string& path) -> Status {
      SPILLWAY_ASSIGN_OR_RETURN(const auto tree, ListTree(context, path));
      visit(path, tree);
      return absl::OkStatus();
    });
    code = std::max(code, one);
  }
  return code;
}

// Asks for what is not asked for yet, then waits behind the barrier.
int WaitFor(Context& context, const Arguments& arguments, int64_t timeout_ms) {
  int code = 0;
  const int listed = ForEachTree(
      context, arguments, [&](const std::string& path, const std::vector<FileStatus>& tree) {
        for (const FileStatus& status : tree) {
          const bool ask = !status.is_directory && status.completed &&
                           status.persistence_state == PersistenceState::kNotPersisted;
          const Status asked =
              ask ? context.master->SchedulePersist(status.path, 0) : absl::OkStatus();
          if (asked.ok()) continue;
          *context.out << "Failed to persist file " << status.path << "\n"
                       << Message(asked) << "\n";
          code = kFailed;
        }
        if (Status status = AwaitBarrier(context, path, timeout_ms); !status.ok()) {
          *context.out << Message(status) << "\n";
          code = kFailed;
        }
      });
  return std::max(code, listed);
}

StatusOr<int> Persist(Context& context, const Arguments& arguments) {
  int64_t parallelism = 4;
  int64_t timeout_ms = 20 * 60'000;
  if (!absl::SimpleAtoi(arguments.Get("-p", "4"), &parallelism) || parallelism < 1) {
    return InvalidArgument("The parallelism must be a number of at least 1.");
  }
  if (arguments.Has("-t") && !absl::SimpleAtoi(arguments.Get("-t", ""), &timeout_ms)) {
    return InvalidArgument("The timeout must be a number of milliseconds.");
  }
  SPILLWAY_RETURN_IF_ERROR(InRange(timeout_ms, 0, kWaitMsMax, "the timeout").status());
  if (arguments.Has("--wait")) return WaitFor(context, arguments, timeout_ms);
  std::vector<std::string> files;
  const int listed =
      ForEachTree(context, arguments, [&](const std::string&, const std::vector<FileStatus>& tree) {
        for (const FileStatus& status : tree) {
          if (!status.is_directory && status.persistence_state != PersistenceState::kPersisted)
            files.push_back(status.path);
        }
      });
  if (listed != 0 && files.empty()) return listed;
  *context.out << "Found " << files.size() << " files to persist.\n";
  Progress progress(context, "persisting", static_cast<int64_t>(files.size()), {"files"});
  absl::Mutex mutex;
  std::atomic<size_t> next{0};
  size_t done = 0;
  bool failed = listed != 0;
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < std::min<int64_t>(parallelism, static_cast<int64_t>(files.size())); ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < files.size(); i = next++) {
        Status status = context.master->SchedulePersist(files[i], 0);
        if (status.ok()) status = AwaitPersisted(context, files[i], timeout_ms);
        progress.Add(1);
        absl::MutexLock lock(&mutex);
        if (status.ok()) {
          *context.out << fmt::format("({}/{}) Successfully persisted file: {}\n", ++done,
                                      files.size(), files[i]);
        } else if (status.code() == StatusCode::kDeadlineExceeded) {
          *context.out << Message(status) << "\n";
          failed = true;
        } else {
          *context.out << "Failed to persist file " << files[i] << "\n" << Message(status) << "\n";
          failed = true;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failed ? kFailed : 0;
}

}  // namespace

Command PersistCommand() {
  return {"persist",
          "[-p <parallelism>] [-t <timeout ms>] [--wait] <path> [path ...]",
          "Persists files or directories currently stored only in Alluxio to the under storage.",
          {{"-p", true, {"--parallelism"}, "files persisted at a time, 4 by default"},
           {"-t", true, {"--timeout"}, "how long to wait for one file, 20 minutes by default"},
           {"--wait",
            false,
            {},
            "return when everything completed below the path before now is in the store"}},
          1,
          -1,
          Persist};
}

}  // namespace spillway::cli
