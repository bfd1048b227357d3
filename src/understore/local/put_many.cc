// Many small files: written one after another, made durable by one call for each file system, and
// given their names; then each folder is synced once.
#include <map>

#include "understore/local/local_under_store.h"

namespace spillway {
namespace {

// A sync of the file system costs about as much as one of a folder that was changed, if the data is
// on the disk already.
constexpr size_t kFoldersTogetherMin = 3;

}  // namespace

struct LocalUnderStore::Batch {
  struct Item {
    size_t number = 0;  // of the request
    StagedFile file;
    bool synced = false;
  };
  std::vector<Item> items;
  std::vector<StatusOr<PutResult>> results;
};

void LocalUnderStore::StageMany(const std::vector<PutRequest>& puts, Batch* batch) {
  std::map<std::string, FolderHandle> folders;  // by their keys
  for (size_t i = 0; i < puts.size(); ++i) {
    const auto& [key, body, options] = puts[i];
    if (body->size_bytes() >= kDirectBytesMin) {
      batch->results[i] = Put(key, *body, options);
      continue;
    }
    const size_t slash = key.rfind('/');
    const auto known = folders.find(slash == std::string::npos ? "" : key.substr(0, slash));
    auto place = known == folders.end() || !CheckKey(key).ok()
                     ? folder_.FindOrMake(key)
                     : Place{known->second, key.substr(slash + 1)};
    if (place.ok()) folders.emplace(place->folder->key, place->folder);
    auto staged = place.ok() ? StageBody(key, *std::move(place), *body, options) : place.status();
    if (!staged.ok()) batch->results[i] = staged.status();
    if (staged.ok()) batch->items.push_back({i, *std::move(staged), false});
  }
}

void LocalUnderStore::SyncMany(Batch* batch) {
  std::map<uint64_t, std::vector<Batch::Item*>> devices;
  for (Batch::Item& item : batch->items) devices[item.file.file.facts.id.device].push_back(&item);
  for (const auto& [device, items] : devices) {
    // Should it fail, each file says whether it is concerned.
    const bool all = items.size() > 1 && calls().SyncFileSystem(items.front()->file.file.fd()) >= 0;
    for (Batch::Item* const item : items) {
      if (all) folder_.NoteDurable(*item->file.place.folder);
      const Status synced = all ? absl::OkStatus() : Sync(item->file);
      item->synced = synced.ok();
      if (!synced.ok()) batch->results[item->number] = synced;
    }
  }
}

void LocalUnderStore::PublishMany(const std::vector<PutRequest>& puts, Batch* batch) {
  std::map<uint64_t, std::map<FolderHandle, std::vector<Batch::Item*>>> devices;
  for (Batch::Item& item : batch->items) {
    if (!item.synced) continue;
    const PutOptions& options = puts[item.number].options;
    auto& result = batch->results[item.number];
    result = Publish(item.file, {options.if_absent, options.if_match});
    const FolderHandle& folder = item.file.place.folder;
    if (result.ok()) devices[folder->facts.id.device][folder].push_back(&item);
  }
  for (const auto& [device, folders] : devices) {
    // The names of many folders, too, go to the disk by one call.
    const bool all = folders.size() >= kFoldersTogetherMin &&
                     calls().SyncFileSystem(folders.begin()->first->fd()) >= 0;
    for (const auto& [folder, items] : folders) {
      if (all) folder_.NoteDurable(*folder);
      const Status durable = all ? absl::OkStatus() : folder_.MakeDurable(*folder);
      if (durable.ok()) continue;
      for (const Batch::Item* item : items) batch->results[item->number] = durable;
    }
  }
}

std::vector<StatusOr<PutResult>> LocalUnderStore::PutMany(const std::vector<PutRequest>& puts) {
  Batch batch;
  batch.results.assign(puts.size(), Internal("not put"));
  StageMany(puts, &batch);
  SyncMany(&batch);
  PublishMany(puts, &batch);
  return std::move(batch.results);
}

}  // namespace spillway
