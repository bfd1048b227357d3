#include "cli/fs/transfer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "cli/progress.h"
#include "common/file_env.h"
#include "common/path.h"

namespace spillway::cli {
namespace {

namespace stdfs = std::filesystem;

constexpr size_t kPieceBytes = 1 << 20;

Status NoFile(const std::string& path) {
  return InvalidArgument("{} is neither a file nor a folder", path);
}

struct Upload {
  const std::function<Status(const std::string&)>& make_folder;
  const std::function<void(const Status&)>& failed;
  std::vector<Transfer>* transfers;
  std::vector<std::pair<dev_t, ino_t>> above;  // the folders that the one at hand is in

  void Plan(const std::string& source, const std::string& target) {
    struct stat found {};
    if (::stat(source.c_str(), &found) != 0) {
      failed(errno == ENOENT ? NotFound("{} (No such file or directory)", source)
                             : ErrnoStatus(errno, "Cannot open", source));
    } else if (S_ISDIR(found.st_mode)) {
      PlanFolder(source, target, {found.st_dev, found.st_ino});
    } else if (S_ISREG(found.st_mode) || (S_ISCHR(found.st_mode) && above.empty())) {
      transfers->push_back({source, target, found.st_size, !above.empty()});
    } else {
      failed(NoFile(source));
    }
  }

  void PlanFolder(const std::string& source, const std::string& target,
                  std::pair<dev_t, ino_t> folder) {
    if (std::find(above.begin(), above.end(), folder) != above.end())
      return failed(InvalidArgument("{} is a link to a folder that it is in", source));
    std::error_code error;
    std::vector<std::string> names;
    for (stdfs::directory_iterator entry(source, error), end; !error && entry != end;
         entry.increment(error))
      names.push_back(entry->path().filename().string());
    if (error) failed(NotFound("Cannot list {}: {}", source, error.message()));
    if (Status status = make_folder(target); !status.ok()) return failed(Annotate(status, source));
    std::sort(names.begin(), names.end());
    above.push_back(folder);
    for (const std::string& name : names)
      Plan((stdfs::path(source) / name).string(), JoinPath(target, name));
    above.pop_back();
  }
};

}  // namespace

void Say(Context& context, const std::string& line) {
  static absl::Mutex mutex(absl::kConstInit);
  absl::MutexLock lock(&mutex);
  *context.out << line << "\n";
}

int RunTransfers(Context& context, const std::string& what, const std::vector<Transfer>& transfers,
                 const std::function<Status(const Transfer&, const Moved&)>& copy) {
  if (transfers.empty()) return 0;
  int64_t total = 0;
  for (const Transfer& transfer : transfers) total += transfer.size_bytes;
  Progress progress(context, what, total);
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    for (size_t i = next++; i < transfers.size(); i = next++) {
      std::atomic<int64_t> moved{0};
      const Status status = copy(transfers[i], [&](int64_t bytes) {
        moved += bytes;
        progress.Add(bytes);
      });
      // What failed is not waited for, and a file may have changed its size.
      progress.Add(transfers[i].size_bytes - moved);
      if (status.ok()) continue;
      failed = true;
      Say(context, transfers[i].source + ": " + Message(status));
    }
  };
  const size_t wanted = static_cast<size_t>(
      std::max<int64_t>(1, context.config->GetInt("spillway.user.copy.threads")));
  std::vector<std::thread> threads;
  for (size_t t = 1; t < std::min(wanted, transfers.size()); ++t) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return failed ? kFailed : 0;
}

void PlanUpload(const std::string& source, const std::string& target,
                const std::function<Status(const std::string& path)>& make_folder,
                const std::function<void(const Status&)>& failed,
                std::vector<Transfer>* transfers) {
  Upload{make_folder, failed, transfers, {}}.Plan(source, target);
}

StatusOr<ByteSource> OpenLocalSource(const std::string& path, Moved moved) {
  // Without O_NONBLOCK, a FIFO would be waited for before it can be told from a file.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENXIO) return NoFile(path);
  if (fd < 0) return ErrnoStatus(errno, "Cannot open", path);
  const std::shared_ptr<int> holder(new int(fd), [](int* p) {
    ::close(*p);
    delete p;
  });
  struct stat found {};
  if (::fstat(fd, &found) != 0) return ErrnoStatus(errno, "Cannot open", path);
  if (!S_ISREG(found.st_mode) && !S_ISCHR(found.st_mode)) return NoFile(path);
  if (::fcntl(fd, F_SETFL, 0) != 0) return ErrnoStatus(errno, "Cannot open", path);
  return ByteSource([holder, path, moved = std::move(moved)]() -> StatusOr<SharedBytes> {
    std::string data(kPieceBytes, '\0');
    size_t done = 0;
    while (done < data.size()) {
      const ssize_t n = ::read(*holder, data.data() + done, data.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(errno, "Cannot read", path);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    data.resize(done);
    if (moved && done > 0) moved(static_cast<int64_t>(done));
    return data;
  });
}

}  // namespace spillway::cli
