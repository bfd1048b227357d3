// The native client under load, with the orders and answers of StockLoad.java: native_load HOST
// PORT.
//
// await N | write SIZE IN_FLIGHT DURABLE SECONDS FOLDER [COUNT] | create IN_FLIGHT SECONDS FOLDER |
// status THREADS SECONDS FOLDER | read THREADS SECONDS FOLDER | list FOLDER | drain FOLDER |
// remove FOLDER
#include <absl/synchronization/blocking_counter.h>
#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <limits>
#include <sstream>
#include <thread>

#include "common/format.h"
#include "common/log.h"
#include "lib/client.h"

namespace spillway {
namespace {

constexpr int64_t kPieceBytes = 1 << 20;
constexpr int64_t kDrainMsMax = 300'000;
constexpr int64_t kPollMs = 20;

class Load {
 public:
  explicit Load(Client* client) : client_(client), master_(client->master()) {}

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
      int64_t count = 0;
      in >> size >> threads >> durable >> seconds >> folder;
      if (!(in >> count)) count = std::numeric_limits<int64_t>::max();
      return Write(size, threads, durable, seconds, folder, count);
    }
    if (what == "create" || what == "status" || what == "read") {
      in >> threads >> seconds >> folder;
      if (what == "create") return Create(threads, seconds, folder);
      return what == "status" ? Statuses(threads, seconds, folder) : Read(threads, seconds, folder);
    }
    in >> folder;
    if (what == "drain") return Drain(folder);
    if (what == "list") return List(folder);
    RemoveOptions options;
    options.recursive = true;
    if (what == "remove") return Answer(master_->Remove(folder, options));
    return R"({"error": "unknown order"})";
  }

 private:
  // Bytes of one piece of work of a thread, or why it failed.
  using Work = std::function<StatusOr<int64_t>(int thread, int64_t round)>;

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

  static int64_t NowMicros() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  // What was done, and how long each piece of it took.
  class Tally {
   public:
    void Add(const StatusOr<int64_t>& bytes, int64_t micros) {
      absl::MutexLock lock(&mutex_);
      if (!bytes.ok()) {
        if (errors_++ == 0) std::cerr << "native_load: " << bytes.status() << "\n";
        return;
      }
      bytes_ += *bytes;
      micros_.push_back(micros);
    }
    std::string Text() {
      absl::MutexLock lock(&mutex_);
      const double took = static_cast<double>(NowMicros() - begin_) / 1e6;
      std::sort(micros_.begin(), micros_.end());
      const auto quantile = [&](double q) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        if (micros_.empty()) return 0.0;
        const size_t at = std::min(micros_.size() - 1, static_cast<size_t>(q * micros_.size()));
        return static_cast<double>(micros_[at]) / 1000;
      };
      return fmt::format(
          "{{\"count\": {}, \"errors\": {}, \"seconds\": {:.4f}, \"per_second\": {:.3f}, "
          "\"mb_per_second\": {:.3f}, \"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}, \"max_ms\": {:.3f}}}",
          micros_.size(), errors_, took, static_cast<double>(micros_.size()) / took,
          static_cast<double>(bytes_) / 1e6 / took, quantile(0.5), quantile(0.99), quantile(1));
    }

   private:
    const int64_t begin_ = NowMicros();
    absl::Mutex mutex_;
    int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
    int64_t errors_ ABSL_GUARDED_BY(mutex_) = 0;
    std::vector<int64_t> micros_ ABSL_GUARDED_BY(mutex_);
  };

  std::string Run(int threads, double seconds, const Work& work) {
    Tally tally;
    const int64_t end = NowMicros() + static_cast<int64_t>(seconds * 1e6);
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        for (int64_t i = 0; NowMicros() < end; ++i) {
          const int64_t begin = NowMicros();
          const StatusOr<int64_t> done = work(t, i);
          if (done.ok() && *done < 0) return;
          tally.Add(done, NowMicros() - begin);
        }
      });
    }
    for (std::thread& thread : all) thread.join();
    return tally.Text();
  }

  std::string Write(int64_t size, int in_flight, int durable, double seconds,
                    const std::string& folder, int64_t count) {
    WriteOptions options = client_->write_options();
    options.create.recursive = true;
    options.create.durable_replicas = durable;
    if (size <= kPieceBytes) return WriteAhead(size, in_flight, options, seconds, folder, count);
    std::atomic<int64_t> begun = 0;
    const SharedBytes piece = std::string(static_cast<size_t>(kPieceBytes), 'x');
    return Run(in_flight, seconds, [&](int thread, int64_t round) -> StatusOr<int64_t> {
      if (begun++ >= count) return -1;
      int64_t left = size;
      const ByteSource source = [&]() -> StatusOr<SharedBytes> {
        SharedBytes next = piece.Part(0, static_cast<size_t>(std::min(left, kPieceBytes)));
        left -= static_cast<int64_t>(next.size());
        return next;
      };
      SPILLWAY_RETURN_IF_ERROR(client_->WriteFrom(PathOf(folder, thread, round), options, source));
      return size;
    });
  }

  // So many files are on their way at any time: the end of one begins the next.
  std::string WriteAhead(int64_t size, int in_flight, const WriteOptions& options, double seconds,
                         const std::string& folder, int64_t count) {
    Tally tally;
    const int64_t end = NowMicros() + static_cast<int64_t>(seconds * 1e6);
    const SharedBytes data = std::string(static_cast<size_t>(size), 'x');
    std::atomic<int64_t> begun = 0;
    absl::BlockingCounter lanes(in_flight);
    std::function<void(int)> next = [&](int lane) {
      const int64_t i = begun++;
      const int64_t begin = NowMicros();
      if (i >= count || begin >= end) {
        lanes.DecrementCount();
        return;
      }
      client_->Write(
          PathOf(folder, lane, i), data, options, [&, lane, begin](const Status& status) {
            tally.Add(status.ok() ? StatusOr<int64_t>(size) : status, NowMicros() - begin);
            next(lane);
          });
    };
    for (int lane = 0; lane < in_flight; ++lane) next(lane);
    lanes.Wait();
    return tally.Text();
  }

  std::string Create(int in_flight, double seconds, const std::string& folder) {
    WriteOptions options = client_->write_options();
    options.create.recursive = true;
    options.create.write_type = WriteType::kMustCache;
    return WriteAhead(0, in_flight, options, seconds, folder, std::numeric_limits<int64_t>::max());
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
      const FileStatus& file = (*files)[at];
      SPILLWAY_RETURN_IF_ERROR(
          client_->ReadTo(file.path, 0, -1, [](std::string_view) { return absl::OkStatus(); }));
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

  std::string List(const std::string& folder) {
    const int64_t begin = NowMicros();
    int64_t first = 0;
    int64_t count = 0;
    const Status status = master_->ListStatus(folder, {}, [&](const FileStatus&) {
      if (count++ == 0) first = NowMicros();
      return absl::OkStatus();
    });
    if (!status.ok()) return Answer(status);
    return fmt::format("{{\"count\": {}, \"first_ms\": {:.3f}, \"seconds\": {:.3f}}}", count,
                       static_cast<double>(first - begin) / 1000,
                       static_cast<double>(NowMicros() - begin) / 1e6);
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
  Client* const client_;
  MasterApi* const master_;
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
  Configuration config;
  const Status host = config.Set("alluxio.master.hostname", argv[1], "the command line");
  const Status port = config.Set("alluxio.master.rpc.port", argv[2], "the command line");
  const auto client = Client::Open(config);
  if (!host.ok() || !port.ok() || !client.ok()) {
    std::cerr << "native_load: " << host << ", " << port << ", " << client.status() << "\n";
    return 1;
  }
  Load load(client->get());
  for (std::string order; std::getline(std::cin, order);)
    std::cout << load.CarryOut(order) << std::endl;
  std::_Exit(0);
}
