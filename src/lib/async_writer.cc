#include "lib/async_writer.h"

#include <algorithm>
#include <utility>

namespace spillway {

AsyncWriter::~AsyncWriter() {
  absl::MutexLock lock(&mutex_);
  const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return drains_ == 0 && long_files_ == 0;
  };
  mutex_.Await(absl::Condition(&idle));
}

void AsyncWriter::Write(FileContent file, const WriteOptions& options, Done done) {
  if (static_cast<int64_t>(file.data.size()) > SmallFileWriter::kFileBytesMax) {
    {
      absl::MutexLock lock(&mutex_);
      ++long_files_;
    }
    executor_->Post([this, file = std::move(file), options, done = std::move(done)]() mutable {
      const std::string path = std::move(file.path);
      done(fs_->WriteFile(path, options, [&file] { return std::exchange(file.data, {}); }));
      absl::MutexLock lock(&mutex_);
      --long_files_;
    });
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    queue_.push_back({std::move(file), options, std::move(done)});
    if (drains_ == kDrainsMax) return;
    ++drains_;
  }
  executor_->Post([this] { Drain(); });
}

std::vector<AsyncWriter::Waiting> AsyncWriter::TakeBatch() {
  // Were all that wait taken at once, one batch would be long and the next a single file, for ever.
  const size_t fair = (queue_.size() + under_way_ + kDrainsMax - 1) / kDrainsMax;
  const size_t most = std::min({queue_.size(), kFilesTogether, fair});
  std::vector<Waiting> batch;
  while (batch.size() < most) {
    if (!batch.empty() && queue_.front().options != batch.front().options) break;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void AsyncWriter::Drain() {
  while (true) {
    std::vector<Waiting> batch;
    {
      absl::MutexLock lock(&mutex_);
      batch = TakeBatch();
      if (batch.empty()) {
        --drains_;
        return;
      }
      under_way_ += batch.size();
    }
    std::vector<FileContent> files;
    for (Waiting& waiting : batch) files.push_back(std::move(waiting.file));
    const std::vector<Status> statuses = fs_->WriteFiles(files, batch.front().options);
    // Who asks for the next file from within done is part of the next batch.
    for (size_t i = 0; i < batch.size(); ++i) batch[i].done(statuses[i]);
    absl::MutexLock lock(&mutex_);
    under_way_ -= batch.size();
  }
}

}  // namespace spillway
