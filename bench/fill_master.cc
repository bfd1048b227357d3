// Fills the state store of a stopped master with files, for measurements of large namespaces: the
// records are those that the master's own operations would have left.
#include <absl/synchronization/notification.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "master/master.h"
#include "master/master_twins.h"
#include "understore/memory/memory_under_store.h"

namespace spillway {
namespace {

constexpr int64_t kFilesPerFolder = 1000;
constexpr int64_t kFileBytes = 4096;
constexpr int64_t kAppendsAhead = 50;

struct Options {
  std::string journal;
  std::string root_uri;
  std::string user;
  int64_t files = 0;
  int64_t unpersisted = 0;
  int64_t flat = 0;
};

class Filler {
 public:
  Filler(const Options& options, Journal* journal, int64_t now_ms)
      : options_(options), journal_(journal), now_ms_(now_ms) {}

  // "/m/d0/part-0" and so on, 1,000 in a folder, the last ones not persisted; then "/flat/part-0".
  void Run() {
    const InodeId folders = MakeFolder(kRootInodeId, "m");
    const int64_t waits_from = options_.files - options_.unpersisted;
    for (int64_t i = 0; i < options_.files; i += kFilesPerFolder) {
      const std::string name = "d" + std::to_string(i / kFilesPerFolder);
      const InodeId folder = MakeFolder(folders, name);
      MakeFiles(folder, "m/" + name, 0, std::min(kFilesPerFolder, options_.files - i),
                waits_from - i);
    }
    if (options_.flat > 0) {
      const InodeId flat = MakeFolder(kRootInodeId, "flat");
      for (int64_t i = 0; i < options_.flat; i += kFilesPerFolder)
        MakeFiles(flat, "flat", i, std::min(options_.flat, i + kFilesPerFolder), options_.flat);
    }
    AwaitDurable(journal_->last_index());
  }

 private:
  state::Inode NewInode(InodeId parent, const std::string& name) const {
    state::Inode inode;
    inode.set_parent_id(parent.value());
    inode.set_name(name);
    inode.set_owner(options_.user);
    inode.set_group(options_.user);
    inode.set_creation_time_ms(now_ms_);
    inode.set_last_modification_time_ms(now_ms_);
    inode.set_last_access_time_ms(now_ms_);
    inode.set_ttl_ms(-1);
    return inode;
  }

  static void Make(StateTxn& txn, const state::Inode& inode) {
    txn.Apply(
        MakeEntry([&](auto& entry) { *entry.mutable_inode_created()->mutable_inode() = inode; }));
  }

  InodeId MakeFolder(InodeId parent, const std::string& name) {
    StateTxn txn(journal_);
    state::Inode inode = NewInode(parent, name);
    inode.set_id(txn.Cluster().next_directory_id());
    inode.set_is_directory(true);
    inode.set_mode(0755);
    inode.set_children_loaded(true);
    inode.set_persistence_state(state::PERSISTED);
    Make(txn, inode);
    txn.Commit();
    return InodeId(inode.id());
  }

  // Those from waits_from on wait to be persisted, and are empty.
  void MakeFiles(InodeId folder, const std::string& path, int64_t begin, int64_t end,
                 int64_t waits_from) {
    StateTxn txn(journal_);
    for (int64_t i = begin; i < end; ++i) {
      const std::string name = "part-" + std::to_string(i);
      state::Inode inode = NewInode(folder, name);
      inode.set_id(FileIdOfContainer(txn.Cluster().next_container_id()).value());
      inode.set_generation(txn.Cluster().next_generation());
      inode.set_mode(0644);
      inode.set_block_size_bytes(64 << 20);
      inode.set_cacheable(true);
      inode.set_completed(true);
      inode.set_replication_max(-1);
      inode.set_durable_replicas(1);
      if (i < waits_from) {
        inode.set_write_through(true);
        inode.set_length_bytes(kFileBytes);
        inode.add_blocks();
        inode.set_persistence_state(state::PERSISTED);
        inode.mutable_object()->set_key(path + "/" + name);
        inode.mutable_object()->set_persisted_at_ms(now_ms_);
        Make(txn, inode);
      } else {
        inode.set_persistence_state(state::TO_BE_PERSISTED);
        Make(txn, inode);
        txn.Apply(MakeEntry([&](auto& entry) {
          auto* job = entry.mutable_persist_scheduled()->mutable_job();
          job->set_inode_id(inode.id());
          job->set_generation(inode.generation());
          job->set_requested_at_ms(now_ms_);
          job->set_due_at_ms(now_ms_);
        }));
      }
    }
    const LogIndex index = txn.Commit();
    if (index.value() % kAppendsAhead == 0) AwaitDurable(index);
  }

  void AwaitDurable(LogIndex index) {
    absl::Notification durable;
    journal_->WhenDurable(index, [&] { durable.Notify(); });
    durable.WaitForNotification();
  }

  const Options& options_;
  Journal* const journal_;
  const int64_t now_ms_;
};

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
  Journal journal(store->get(), &executor, LastLogIndex(store->get(), &executor).value());
  {
    MasterOptions master_options;
    master_options.root_uri = options.root_uri;
    master_options.superuser = options.user;
    Master master(master_options,
                  MasterContext{&clock, &random, &executor, &journal, &sender, &opener, nullptr});
    if (const Status status = master.Start(); !status.ok()) {
      std::cerr << status << "\n";
      return 1;
    }
    Filler(options, &journal, clock.NowMs()).Run();
  }
  std::cout << options.files + options.flat << " files made\n";
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
  app.add_option("--files", options.files, "how many, 1,000 to a folder")->required();
  app.add_option("--unpersisted", options.unpersisted, "how many of them wait to be persisted");
  app.add_option("--flat", options.flat, "how many more in a folder of their own");
  CLI11_PARSE(app, argc, argv);
  return spillway::Fill(options);
}
