// Fills the state store of a stopped master with files, through the master's own operations, for
// measurements of large namespaces.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "master/master.h"
#include "master/master_twins.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {
namespace {

constexpr int kFilesPerDirectory = 1000;

struct Options {
  std::string journal;
  std::string root_uri;
  std::string user;
  int64_t files = 0;
  int64_t unpersisted = 0;
};

// One block each, as if written through; the last ones wait to be persisted and have no block.
LogIndex MakeFile(Master& master, const Caller& caller, const Options& options, int64_t i) {
  const std::string path = "/m/d" + std::to_string(i / kFilesPerDirectory) + "/part-" +
                           std::to_string(i % kFilesPerDirectory);
  const bool through = i < options.files - options.unpersisted;
  CreateFileOptions create;
  create.recursive = true;
  create.write_type = through ? WriteType::kThrough : WriteType::kAsyncThrough;
  (void)*master.CreateFile(caller, path, create).result;
  CompleteFileOptions complete;
  if (through) complete.understore_length = 4096;
  complete.persist = !through;
  const auto completed = master.CompleteFile(caller, path, complete);
  (void)*completed.result;
  return completed.wait_for;
}

int Fill(const Options& options) {
  const auto store = OpenRocksDbStateStore(options.journal, true);
  if (!store.ok()) {
    std::cerr << store.status() << "\n";
    return 1;
  }
  SystemClock clock;
  SystemRandom random;
  NoWorkers sender;
  FixedOpener opener(std::make_shared<MemoryUnderStore>());
  ThreadPool executor("journal", 1);
  Journal journal(store->get(), &executor, LastLogIndex(store->get(), &executor));
  MasterOptions master_options;
  master_options.root_uri = options.root_uri;
  master_options.superuser = options.user;
  Master master(master_options,
                MasterContext{&clock, &random, &executor, &journal, &sender, &opener, nullptr});
  if (const Status status = master.Start(); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  const Caller caller{options.user, {options.user}};
  absl::Mutex mutex;
  int64_t durable = 0;
  for (int64_t i = 0; i < options.files; ++i) {
    const LogIndex index = MakeFile(master, caller, options, i);
    if (i % 1000 != 999 && i + 1 != options.files) continue;
    master.WhenDurable(index, [&, i] {
      absl::MutexLock lock(&mutex);
      durable = i + 1;
    });
    // Not too far ahead of the disk.
    absl::MutexLock lock(&mutex);
    const int64_t enough = i + 1 == options.files ? i + 1 : i - 100'000;
    const auto arrived = [&] { return durable >= enough; };
    mutex.Await(absl::Condition(&arrived));
  }
  std::cout << options.files << " files made\n";
  return 0;
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::warn);
  CLI::App app{"Fills the state store of a stopped master"};
  spillway::Options options;
  app.add_option("--journal", options.journal, "alluxio.master.journal.folder")->required();
  app.add_option("--root-ufs", options.root_uri, "alluxio.master.mount.table.root.ufs")->required();
  app.add_option("--user", options.user, "owner of the files")->required();
  app.add_option("--files", options.files, "how many")->required();
  app.add_option("--unpersisted", options.unpersisted, "how many of them wait to be persisted");
  CLI11_PARSE(app, argc, argv);
  return spillway::Fill(options);
}
