#include "cli/fs/transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "common/file_env.h"

namespace spillway::cli {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

}  // namespace

void Say(Context& context, const std::string& line) {
  static absl::Mutex mutex(absl::kConstInit);
  absl::MutexLock lock(&mutex);
  *context.out << line << "\n";
}

int RunTransfers(Context& context, const std::string& what, const std::vector<Transfer>& transfers,
                 const std::function<Status(const Transfer&)>& copy) {
  int64_t total = 0;
  for (const Transfer& transfer : transfers) total += transfer.size_bytes + 1;
  Progress progress(context, what, total);
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    for (size_t i = next++; i < transfers.size(); i = next++) {
      const Status status = copy(transfers[i]);
      progress.Add(transfers[i].size_bytes + 1);
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

StatusOr<ByteSource> OpenLocalSource(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "Cannot open", path);
  const std::shared_ptr<int> holder(new int(fd), [](int* p) {
    ::close(*p);
    delete p;
  });
  return ByteSource([holder, path]() -> StatusOr<SharedBytes> {
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
    return data;
  });
}

}  // namespace spillway::cli
