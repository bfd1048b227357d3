// The native client under load, with the orders and answers of StockLoad.java: native_load HOST
// PORT.
//
// await N | write SIZE THREADS DURABLE SECONDS FOLDER | create THREADS SECONDS FOLDER |
// status THREADS SECONDS FOLDER | read THREADS SECONDS FOLDER | drain FOLDER | remove FOLDER
#include <absl/synchronization/mutex.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <sstream>
#include <thread>

#include "client/file_system.h"
#include "common/format.h"
#include "common/log.h"
#include "rpc/client/master_client.h"
#include "rpc/client/worker_client.h"

namespace spillway {
namespace {

constexpr int64_t kPieceBytes = 1 << 20;
constexpr int64_t kRetryMs = 20'000;
constexpr int64_t kDataTimeoutMs = 30'000;
constexpr int64_t kDrainMsMax = 300'000;
constexpr int64_t kPollMs = 200;

class Load {
 public:
  Load(const std::string& host, const std::string& port)
      : master_(MakeMasterClient({host + ":" + port}, Channel(), kRetryMs, &clock_, &random_)),
        workers_(MakeWorkerConnector(Channel(), kDataTimeoutMs, &random_)),
        fs_(master_.get(), workers_.get(), &clock_, &random_, "") {}

  std::string CarryOut(const std::string& order) {
    std::istringstream in(order);
    std::string what, folder;
    int64_t size = 0;
    int threads = 0, durable = 0;
    double seconds = 0;
    in >> what;
    if (what == "await") {
      in >> threads;
      return Await(threads);
    }
    if (what == "write") {
      in >> size >> threads >> durable >> seconds >> folder;
      return Write(size, threads, durable, seconds, folder);
    }
    if (what == "create" || what == "status" || what == "read") {
      in >> threads >> seconds >> folder;
      if (what == "create") return Create(threads, seconds, folder);
      return what == "status" ? Statuses(threads, seconds, folder) : Read(threads, seconds, folder);
    }
    in >> folder;
    if (what == "drain") return Drain(folder);
    RemoveOptions options;
    options.recursive = true;
    if (what == "remove") return Answer(master_->Remove(folder, options));
    return R"({"error": "unknown order"})";
  }

 private:
  // Bytes of one piece of work of a thread, or why it failed.
  using Work = std::function<StatusOr<int64_t>(int thread, int64_t round)>;

  static ChannelOptions Channel() {
    ChannelOptions channel;
    const char* user = std::getenv("USER");
    channel.user = user != nullptr ? user : "root";
    return channel;
  }

  static std::string Answer(const Status& status) {
    if (status.ok()) return "{}";
    std::string text = Message(status);
    std::replace(text.begin(), text.end(), '"', ' ');
    return "{\"error\": \"" + text + "\"}";
  }

  std::string Await(int workers) {
    for (int i = 0; i < 600; ++i) {
      const auto live = master_->GetWorkers();
      if (live.ok() && static_cast<int>(live->size()) >= workers) return "{}";
      clock_.SleepMs(100);
    }
    return R"({"error": "there are fewer workers"})";
  }

  std::string Run(int threads, double seconds, const Work& work) {
    absl::Mutex mutex;
    std::vector<int64_t> micros;
    int64_t bytes = 0, errors = 0;
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const auto begin = now();
    const auto end = begin + std::chrono::microseconds(static_cast<int64_t>(seconds * 1e6));
    const auto since = [&](auto from) {
      return std::chrono::duration_cast<std::chrono::microseconds>(now() - from).count();
    };
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        for (int64_t i = 0; now() < end; ++i) {
          const auto one = now();
          const auto done = work(t, i);
          absl::MutexLock lock(&mutex);
          if (!done.ok()) {
            ++errors;
            continue;
          }
          bytes += *done;
          micros.push_back(since(one));
        }
      });
    }
    for (std::thread& thread : all) thread.join();
    const double took = static_cast<double>(since(begin)) / 1e6;
    std::sort(micros.begin(), micros.end());
    const auto quantile = [&](double q) {
      if (micros.empty()) return 0.0;
      const size_t at = std::min(micros.size() - 1, static_cast<size_t>(q * micros.size()));
      return static_cast<double>(micros[at]) / 1000;
    };
    return fmt::format(
        "{{\"count\": {}, \"errors\": {}, \"seconds\": {:.4f}, \"per_second\": {:.3f}, "
        "\"mb_per_second\": {:.3f}, \"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}, \"max_ms\": {:.3f}}}",
        micros.size(), errors, took, static_cast<double>(micros.size()) / took,
        static_cast<double>(bytes) / 1e6 / took, quantile(0.5), quantile(0.99), quantile(1));
  }

  std::string Write(int64_t size, int threads, int durable, double seconds,
                    const std::string& folder) {
    const std::string piece(static_cast<size_t>(std::min(size, kPieceBytes)), 'x');
    WriteOptions options;
    options.create.recursive = true;
    options.create.durable_replicas = durable;
    return Run(threads, seconds, [&](int thread, int64_t round) -> StatusOr<int64_t> {
      int64_t left = size;
      const ByteSource source = [&]() -> StatusOr<std::string> {
        std::string next = piece.substr(0, static_cast<size_t>(std::min(left, kPieceBytes)));
        left -= static_cast<int64_t>(next.size());
        return next;
      };
      SPILLWAY_RETURN_IF_ERROR(fs_.WriteFile(PathOf(folder, thread, round), options, source));
      return size;
    });
  }

  std::string Create(int threads, double seconds, const std::string& folder) {
    CreateFileOptions options;
    options.recursive = true;
    options.write_type = WriteType::kMustCache;
    return Run(threads, seconds, [&](int thread, int64_t round) -> StatusOr<int64_t> {
      const std::string path = PathOf(folder, thread, round);
      SPILLWAY_RETURN_IF_ERROR(master_->CreateFile(path, options).status());
      SPILLWAY_RETURN_IF_ERROR(master_->CompleteFile(path, CompleteFileOptions()));
      return 0;
    });
  }

  std::string Statuses(int threads, double seconds, const std::string& folder) {
    const auto files = Files(folder);
    if (!files.ok()) return Answer(files.status());
    return Run(threads, seconds, [&](int thread, int64_t round) -> StatusOr<int64_t> {
      const size_t at = static_cast<size_t>(thread + round * threads) % files->size();
      SPILLWAY_RETURN_IF_ERROR(master_->GetStatus((*files)[at].path).status());
      return 0;
    });
  }

  std::string Read(int threads, double seconds, const std::string& folder) {
    const auto files = Files(folder);
    if (!files.ok()) return Answer(files.status());
    return Run(threads, seconds, [&](int thread, int64_t round) -> StatusOr<int64_t> {
      const size_t at = static_cast<size_t>(thread + round * threads) % files->size();
      SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, master_->GetStatus((*files)[at].path));
      SPILLWAY_RETURN_IF_ERROR(
          fs_.ReadFile(file, 0, -1, [](std::string_view) { return absl::OkStatus(); }));
      return file.length_bytes;
    });
  }

  std::string Drain(const std::string& folder) {
    const int64_t begin_ms = clock_.MonotonicMs();
    int64_t cut = 0;
    while (true) {
      const auto progress = master_->GetPersistProgress(folder, cut);
      if (!progress.ok()) return Answer(progress.status());
      cut = progress->cut;
      const int64_t took_ms = clock_.MonotonicMs() - begin_ms;
      if (progress->files_left == 0 || took_ms > kDrainMsMax) {
        return fmt::format("{{\"left\": {}, \"seconds\": {:.3f}}}", progress->files_left,
                           static_cast<double>(took_ms) / 1000);
      }
      clock_.SleepMs(kPollMs);
    }
  }

  StatusOr<std::vector<FileStatus>> Files(const std::string& folder) {
    std::vector<FileStatus> files;
    ListOptions options;
    options.recursive = true;
    SPILLWAY_RETURN_IF_ERROR(master_->ListStatus(folder, options, [&](const FileStatus& status) {
      if (!status.is_directory) files.push_back(status);
      return absl::OkStatus();
    }));
    if (files.empty()) return NotFound("{} holds no file.", folder);
    return files;
  }

  static std::string PathOf(const std::string& folder, int thread, int64_t round) {
    return fmt::format("{}/{}-{}", folder, thread, round);
  }

  SystemClock clock_;
  SystemRandom random_;
  const std::unique_ptr<MasterApi> master_;
  const std::unique_ptr<WorkerConnector> workers_;
  FileSystem fs_;
};

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  using namespace spillway;
  if (argc != 3) {
    std::cerr << "Usage: native_load HOST PORT\n";
    return 1;
  }
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  spdlog::set_level(spdlog::level::warn);
  Load load(argv[1], argv[2]);
  for (std::string order; std::getline(std::cin, order);)
    std::cout << load.CarryOut(order) << std::endl;
  std::_Exit(0);
}
