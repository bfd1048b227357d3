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
  wire->set_not_persisted(options.write_type != WriteType::kAsyncThrough);
  wire->mutable_xattr()->insert(options.xattr.begin(), options.xattr.end());
}

}  // namespace

void SmallFileWriter::Write(const std::vector<File*>& files) {
  size_t first = 0;  // that is not known to be done
  const auto my_turn = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (first < files.size() && files[first]->done) ++first;
    return first == files.size() ||
           (calls_ < kCallsMax && !queue_.empty() && queue_.front().call == &files);
  };
  mutex_.Lock();
  for (File* file : files) queue_.push_back({file, &files});
  while (true) {
    mutex_.Await(absl::Condition(&my_turn));
    if (first == files.size()) break;
    const std::vector<File*> batch = TakeBatch();
    ++calls_;
    mutex_.Unlock();
    Send(batch);
    mutex_.Lock();
  }
  mutex_.Unlock();
}

std::vector<SmallFileWriter::File*> SmallFileWriter::TakeBatch() {
  std::vector<File*> files;
  int64_t bytes = 0;
  while (!queue_.empty() && static_cast<int>(files.size()) < kFilesPerCallMax) {
    File* next = queue_.front().file;
    bytes += static_cast<int64_t>(next->data.size());
    const bool fits =
        files.empty() || (next->copies == files.front()->copies && bytes <= kBytesPerCallMax);
    if (!fits) break;
    files.push_back(next);
    queue_.pop_front();
  }
  return files;
}

void SmallFileWriter::Send(const std::vector<File*>& files) {
  smallfiles::PutFilesRequest request;
  for (const File* small : files) {
    auto* file = request.add_files();
    FillOptions(small->path, small->options, file->mutable_options());
    file->set_data(small->data.data(), small->data.size());
  }
  if (files.front()->copies == 0) return Answer(files, fs_->master_->PutEmptyFiles(request));
  const auto workers = fs_->ChooseWorkers(files.front()->copies);
  if (!workers.ok()) return Answer(files, workers.status());
  for (size_t i = 1; i < workers->size(); ++i) {
    auto* peer = request.add_peers();
    peer->set_host((*workers)[i].address.host);
    peer->set_data_port((*workers)[i].address.data_port);
  }
  fs_->workers_->Connect(workers->front().address)
      ->PutFiles(request, [this, files](const StatusOr<smallfiles::PutFilesResponse>& response) {
        Answer(files, response);
      });
}

void SmallFileWriter::Answer(const std::vector<File*>& files,
                             const StatusOr<smallfiles::PutFilesResponse>& response) {
  bool failed = !response.ok();
  absl::ReleasableMutexLock lock(&mutex_);
  --calls_;
  for (size_t i = 0; i < files.size(); ++i) {
    Status status = response.status();
    if (status.ok() && static_cast<int>(i) < response->outcomes_size()) {
      const auto& outcome = response->outcomes(static_cast<int>(i));
      status = Status(static_cast<StatusCode>(outcome.code()), outcome.message());
    } else if (status.ok()) {
      status = Internal("The worker did not answer for all files.");
    }
    failed = failed || status.code() == StatusCode::kUnavailable;
    files[i]->status = std::move(status);
    files[i]->done = true;
  }
  lock.Release();
  if (failed) fs_->ForgetWorkers();
}

}  // namespace spillway
