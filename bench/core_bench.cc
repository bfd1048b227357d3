// What the cores cost by themselves: checksums, and metadata operations over each state store.
#include <benchmark/benchmark.h>
#include <spdlog/spdlog.h>

#include <filesystem>

#include "common/checksum.h"
#include "master/master.h"
#include "master/master_twins.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {
namespace {

void BM_Crc32c(benchmark::State& state) {
  const std::string data(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(Crc32c(data));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Crc32c)->Arg(4096)->Arg(1 << 20);

// A master over RocksDB on the disk (durable) or over memory.
struct Bench {
  explicit Bench(bool durable) : executor("journal", 1) {
    spdlog::set_level(spdlog::level::off);
    const std::string path =
        (std::filesystem::temp_directory_path() / "spillway-core-bench").string();
    std::filesystem::remove_all(path);
    if (durable) {
      store = *OpenRocksDbStateStore(path, true);
    } else {
      store = std::make_unique<MemoryStateStore>();
    }
    journal = std::make_unique<Journal>(store.get(), &executor, LogIndex(0));
    MasterOptions options;
    options.root_uri = "s3://bucket";
    options.superuser = "root";
    master = std::make_unique<Master>(
        options,
        MasterContext{&clock, &random, &executor, journal.get(), &sender, &opener, nullptr});
    if (!master->Start().ok() || !master->LoadDirectory(kRootInodeId).ok()) std::abort();
  }
  void Await(LogIndex index) {
    absl::Mutex mutex;
    bool done = false;
    master->WhenDurable(index, [&] {
      absl::MutexLock lock(&mutex);
      done = true;
    });
    absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(&done));
  }

  SystemClock clock;
  SystemRandom random;
  NoWorkers sender;
  FixedOpener opener{std::make_shared<MemoryUnderStore>()};
  ThreadPool executor;
  std::unique_ptr<StateStore> store;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Master> master;
  const Caller root{"root", {"root"}};
};

void BM_CreateComplete(benchmark::State& state) {
  Bench bench(state.range(0) != 0);
  int64_t next = 0;
  for (auto _ : state) {
    const std::string path = "/f" + std::to_string(next++);
    bench.Await(bench.master->CreateFile(bench.root, path, {}).wait_for);
    bench.Await(bench.master->CompleteFile(bench.root, path, {}).wait_for);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CreateComplete)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);

void BM_GetStatus(benchmark::State& state) {
  Bench bench(state.range(0) != 0);
  bench.Await(bench.master->CreateFile(bench.root, "/d/e/f", {.recursive = true}).wait_for);
  for (auto _ : state) benchmark::DoNotOptimize(bench.master->GetStatus(bench.root, "/d/e/f"));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_GetStatus)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace spillway
