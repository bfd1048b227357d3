// The master's state store with any records: it starts or refuses, and never stops. Started, it
// answers and goes on working around what is damaged, which can be listed, exported and dropped.
#include "common/log.h"
#include "common/step_executor.h"
#include "fuzz/input.h"
#include "master/master.h"
#include "master/master_twins.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {
namespace {

void Run(StateStore* store, ManualClock* clock) {
  SeededRandom random(1);
  StepExecutor executor;
  NoWorkers workers;
  FixedOpener opener(std::make_shared<MemoryUnderStore>());
  MasterOptions options;
  options.root_uri = "s3://bucket";
  options.superuser = "root";
  options.marker_patterns = {"_SUCCESS"};
  const auto last = LastLogIndex(store, &executor);
  if (!last.ok()) return;
  Journal journal(store, &executor, *last);
  Master master(options,
                MasterContext{clock, &random, &executor, &journal, &workers, &opener, nullptr});
  if (!master.Start().ok()) return;
  const Caller root{"root", {"root"}};
  for (int i = 0; i < 4; ++i) {
    for (int n = 0; n < 50 && executor.RunOne(); ++n) {
    }
    clock->AdvanceMs(40'000);
    master.Tick();
  }
  ListCursor cursor;
  ListOptions list;
  list.recursive = true;
  (void)master.ListStatus(root, "/", list, 100, &cursor);
  (void)master.GetPersistReport(100);
  (void)master.GetHealthReport(100);
  (void)master.GetWorkerReport();
  RemoveOptions remove;
  remove.recursive = true;
  (void)master.Remove(root, "/a", remove);
  (void)master.CreateFile(root, "/a/b", CreateFileOptions{.recursive = true, .overwrite = true});
  (void)master.Rename(root, "/a", "/b", {});
  SyncCounts counts;
  (void)master.SyncMetadata("/", SyncDepth::kAll, &counts);
  for (const DamagedRecordInfo& record : master.GetDamaged(100).records) {
    fuzz::Require(master.ExportRecord(record.name).ok() || !record.name.empty());
    (void)master.DropRecord(record.name);
  }
  for (int n = 0; n < 200 && executor.RunOne(); ++n) {
  }
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  spdlog::set_level(spdlog::level::off);
  fuzz::Input input(data, size);
  MemoryStateStore store;
  ManualClock clock;
  // Half of the runs begin with a sound store, into which the records are thrown.
  if ((input.Byte() & 1) != 0) Run(&store, &clock);
  StateBatch batch;
  while (!input.empty()) {
    std::string key(1, static_cast<char>("cimbwpdouknrlxteqC"[input.Byte() % 18]));
    key += input.String();
    batch[key] = input.String();
  }
  if (!store.Commit(batch).ok()) return 0;
  Run(&store, &clock);
  return 0;
}
