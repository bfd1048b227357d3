#include "client/small_file_writer.h"

#include <algorithm>

#include "client/file_system.h"
#include "common/checksum.h"
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

// All but the first, which is asked itself.
void AddPeers(const std::vector<WorkerInfo>& workers, smallfiles::PutFilesRequest* request) {
  for (size_t i = 1; i < workers.size(); ++i) {
    auto* peer = request->add_peers();
    peer->set_host(workers[i].address.host);
    peer->set_data_port(workers[i].address.data_port);
  }
}

}  // namespace

struct SmallFileWriter::Call {
  bool may_be_hedged() const { return !hedged && !workers.empty(); }

  std::vector<File*> files;             // gone once it is answered
  smallfiles::PutFilesRequest request;  // does not change once workers are known
  std::vector<WorkerInfo> workers;      // that were asked first; none: only the master
  int64_t began_ms = 0;
  bool hedged = false;
  int under_way = 1;
  bool answered = false;
};

SmallFileWriter::~SmallFileWriter() {
  absl::MutexLock lock(&listener_->mutex);
  listener_->writer = nullptr;
}

void SmallFileWriter::Write(const std::vector<File*>& files) {
  size_t first = 0;  // that is not known to be done
  const auto my_turn = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (first < files.size() && files[first]->done) ++first;
    return first == files.size() ||
           (calls_.size() < kCallsMax && !queue_.empty() && queue_.front().call == &files);
  };
  mutex_.Lock();
  for (File* file : files) queue_.push_back({file, &files});
  while (true) {
    if (!mutex_.AwaitWithTimeout(absl::Condition(&my_turn), UntilLate())) {
      const auto late = TakeLate();
      if (late == nullptr) continue;
      mutex_.Unlock();
      Hedge(late);
      mutex_.Lock();
      continue;
    }
    if (first == files.size()) break;
    auto call = std::make_shared<Call>();
    call->files = TakeBatch();
    call->began_ms = fs_->clock_->MonotonicMs();
    calls_.push_back(call);
    mutex_.Unlock();
    Send(call);
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

void SmallFileWriter::Send(const std::shared_ptr<Call>& call) {
  const int copies = call->files.front()->copies;
  for (const File* small : call->files) {
    auto* file = call->request.add_files();
    FillOptions(small->path, small->options, file->mutable_options());
    file->set_data(small->data.data(), small->data.size());
    file->set_length_bytes(static_cast<int64_t>(small->data.size()));
    file->set_crc32c(Crc32c(small->data));
  }
  if (copies == 0) return Answer(call, fs_->master_->PutEmptyFiles(call->request));
  const auto workers = fs_->ChooseWorkers(copies);
  if (!workers.ok()) return Answer(call, workers.status());
  AddPeers(*workers, &call->request);
  {
    absl::MutexLock lock(&mutex_);
    call->workers = *workers;
  }
  Ask(workers->front(), call->request, call);
}

void SmallFileWriter::Ask(const WorkerInfo& worker, const smallfiles::PutFilesRequest& request,
                          const std::shared_ptr<Call>& call) {
  fs_->workers_->Connect(worker.address)
      ->PutFiles(request, [listener = listener_,
                           call](const StatusOr<smallfiles::PutFilesResponse>& response) {
        absl::MutexLock lock(&listener->mutex);
        if (listener->writer != nullptr) listener->writer->Answer(call, response);
      });
}

int64_t SmallFileWriter::LateAtMs(const Call& call) {
  return call.began_ms + std::clamp(kLateFactor * usual_ms_, kLateMsMin, kLateMsMax);
}

absl::Duration SmallFileWriter::UntilLate() {
  const int64_t now_ms = fs_->clock_->MonotonicMs();
  absl::Duration least = absl::InfiniteDuration();
  for (const auto& call : calls_) {
    if (!call->may_be_hedged()) continue;
    const int64_t left_ms = std::max<int64_t>(1, LateAtMs(*call) - now_ms);
    least = std::min(least, absl::Milliseconds(left_ms));
  }
  return least;
}

std::shared_ptr<SmallFileWriter::Call> SmallFileWriter::TakeLate() {
  const int64_t now_ms = fs_->clock_->MonotonicMs();
  for (const auto& call : calls_) {
    if (!call->may_be_hedged() || now_ms < LateAtMs(*call)) continue;
    call->hedged = true;
    ++call->under_way;
    return call;
  }
  return nullptr;
}

// Others than all that were asked if there are as many, else than the one that told the others.
void SmallFileWriter::Hedge(const std::shared_ptr<Call>& call) {
  const int copies = static_cast<int>(call->workers.size());
  std::set<std::string> asked;
  for (const WorkerInfo& worker : call->workers) asked.insert(worker.address.host);
  fs_->ForgetWorkers();
  auto workers = fs_->ChooseWorkers(copies, asked);
  if (!workers.ok()) workers = fs_->ChooseWorkers(copies, {call->workers.front().address.host});
  if (!workers.ok()) return Answer(call, workers.status());
  smallfiles::PutFilesRequest request = call->request;
  request.clear_peers();
  AddPeers(*workers, &request);
  Ask(workers->front(), request, call);
}

void SmallFileWriter::Answer(const std::shared_ptr<Call>& call,
                             const StatusOr<smallfiles::PutFilesResponse>& response) {
  bool failed = !response.ok();
  absl::ReleasableMutexLock lock(&mutex_);
  --call->under_way;
  if (call->answered || (failed && call->under_way > 0)) return;
  call->answered = true;
  calls_.remove(call);
  const int64_t took_ms = fs_->clock_->MonotonicMs() - call->began_ms;
  usual_ms_ += (took_ms - usual_ms_) / 8;
  for (size_t i = 0; i < call->files.size(); ++i) {
    Status status = response.status();
    if (status.ok() && static_cast<int>(i) < response->outcomes_size()) {
      const auto& outcome = response->outcomes(static_cast<int>(i));
      status = Status(static_cast<StatusCode>(outcome.code()), outcome.message());
    } else if (status.ok()) {
      status = Internal("The worker did not answer for all files.");
    }
    failed = failed || status.code() == StatusCode::kUnavailable;
    call->files[i]->status = std::move(status);
    call->files[i]->done = true;
  }
  lock.Release();
  if (failed) fs_->ForgetWorkers();
}

}  // namespace spillway
