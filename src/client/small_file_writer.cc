#include "client/small_file_writer.h"

#include "client/file_system.h"
#include "small_files.pb.h"

namespace spillway {
namespace {

void FillOptions(const std::string& path, const CreateFileOptions& options,
                 smallfiles::NewFileOptions* wire) {
  wire->set_path(path);
  wire->set_operation_most_significant(options.operation_id->most_significant);
  wire->set_operation_least_significant(options.operation_id->least_significant);
  wire->set_block_size_bytes(options.block_size_bytes);
  wire->set_recursive(options.recursive);
  wire->set_overwrite(options.overwrite);
  wire->set_mode(static_cast<uint32_t>(options.mode));
  wire->set_replication_min(options.replication_min);
  wire->set_replication_max(options.replication_max);
  wire->set_durable_replicas(options.durable_replicas);
  wire->set_persistence_wait_time_ms(options.persistence_wait_time_ms);
  wire->set_ttl_ms(options.ttl_ms);
  wire->set_ttl_action(static_cast<int32_t>(options.ttl_action));
  wire->mutable_xattr()->insert(options.xattr.begin(), options.xattr.end());
}

}  // namespace

Status SmallFileWriter::Write(const std::string& path, const CreateFileOptions& options, int copies,
                              std::string_view data) {
  Item item{&path, &options, copies, data, false, {}};
  const auto my_turn = [this, &item]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return item.done || (calls_ < kCallsMax && !queue_.empty() && queue_.front() == &item);
  };
  mutex_.Lock();
  queue_.push_back(&item);
  while (true) {
    mutex_.Await(absl::Condition(&my_turn));
    if (item.done) break;
    const std::vector<Item*> items = TakeBatch();
    ++calls_;
    mutex_.Unlock();
    Send(items);
    mutex_.Lock();
  }
  mutex_.Unlock();
  return item.status;
}

std::vector<SmallFileWriter::Item*> SmallFileWriter::TakeBatch() {
  std::vector<Item*> items;
  int64_t bytes = 0;
  while (!queue_.empty() && static_cast<int>(items.size()) < kFilesPerCallMax) {
    Item* next = queue_.front();
    bytes += static_cast<int64_t>(next->data.size());
    const bool fits =
        items.empty() || (next->copies == items.front()->copies && bytes <= kBytesPerCallMax);
    if (!fits) break;
    items.push_back(next);
    queue_.pop_front();
  }
  return items;
}

void SmallFileWriter::Send(const std::vector<Item*>& items) {
  const auto workers = fs_->ChooseWorkers(items.front()->copies);
  if (!workers.ok()) return Answer(items, workers.status());
  smallfiles::PutFilesRequest request;
  for (const Item* item : items) {
    auto* file = request.add_files();
    FillOptions(*item->path, *item->options, file->mutable_options());
    file->set_data(item->data.data(), item->data.size());
  }
  for (size_t i = 1; i < workers->size(); ++i) {
    auto* peer = request.add_peers();
    peer->set_host((*workers)[i].address.host);
    peer->set_data_port((*workers)[i].address.data_port);
  }
  fs_->workers_->Connect(workers->front().address)
      ->PutFiles(request, [this, items](const StatusOr<smallfiles::PutFilesResponse>& response) {
        Answer(items, response);
      });
}

void SmallFileWriter::Answer(const std::vector<Item*>& items,
                             const StatusOr<smallfiles::PutFilesResponse>& response) {
  bool failed = !response.ok();
  absl::ReleasableMutexLock lock(&mutex_);
  --calls_;
  for (size_t i = 0; i < items.size(); ++i) {
    Status status = response.status();
    if (status.ok() && static_cast<int>(i) < response->outcomes_size()) {
      const auto& outcome = response->outcomes(static_cast<int>(i));
      status = Status(static_cast<StatusCode>(outcome.code()), outcome.message());
    } else if (status.ok()) {
      status = Internal("The worker did not answer for all files.");
    }
    failed = failed || status.code() == StatusCode::kUnavailable;
    items[i]->status = std::move(status);
    items[i]->done = true;
  }
  lock.Release();
  if (failed) fs_->ForgetWorkers();
}

}  // namespace spillway
