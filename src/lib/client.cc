#include "lib/client.h"

#include <algorithm>

namespace spillway {

Client::Client(const Configuration& config)
    : connection_(std::make_unique<Connection>(config)),
      writer_(std::make_unique<AsyncWriter>(connection_->fs(), &pool_)) {}

StatusOr<std::unique_ptr<Client>> Client::Open(const Configuration& config) {
  SPILLWAY_RETURN_IF_ERROR(config.Validate());
  return std::unique_ptr<Client>(new Client(config));
}

Client::~Client() {
  writer_.reset();
  {
    absl::MutexLock lock(&mutex_);
    const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return reads_ == 0; };
    mutex_.Await(absl::Condition(&idle));
  }
  pool_.Shutdown();
}

WriteOptions Client::write_options() const { return WriteOptionsFrom(connection_->config()); }

std::future<Status> Client::Write(std::string path, SharedBytes data, const WriteOptions& options) {
  auto promise = std::make_shared<std::promise<Status>>();
  std::future<Status> result = promise->get_future();
  Write(std::move(path), std::move(data), options,
        [promise](const Status& status) { promise->set_value(status); });
  return result;
}

void Client::Write(std::string path, SharedBytes data, const WriteOptions& options,
                   AsyncWriter::Done done) {
  writer_->Write({std::move(path), std::move(data)}, options, std::move(done));
}

Status Client::WriteFrom(const std::string& path, const WriteOptions& options,
                         const ByteSource& source) {
  return connection_->fs()->WriteFile(path, options, source);
}

std::future<StatusOr<std::string>> Client::Read(std::string path, int64_t offset, int64_t length) {
  auto promise = std::make_shared<std::promise<StatusOr<std::string>>>();
  auto result = promise->get_future();
  {
    absl::MutexLock lock(&mutex_);
    ++reads_;
  }
  pool_.Post([this, path = std::move(path), offset, length, promise] {
    std::string data;
    const Status status = ReadTo(path, offset, length, [&](std::string_view piece) {
      data += piece;
      return absl::OkStatus();
    });
    promise->set_value(status.ok() ? StatusOr<std::string>(std::move(data)) : status);
    absl::MutexLock lock(&mutex_);
    --reads_;
  });
  return result;
}

Status Client::ReadTo(const std::string& path, int64_t offset, int64_t length,
                      const ByteSink& sink) {
  SPILLWAY_ASSIGN_OR_RETURN(const FileStatus file, connection_->master()->GetStatus(path));
  if (file.is_directory) return InvalidArgument("{} is a directory.", path);
  if (offset < 0 || offset > file.length_bytes) {
    return MakeStatus(StatusCode::kOutOfRange, "{} has {} bytes, none at {}.", path,
                      file.length_bytes, offset);
  }
  return connection_->fs()->ReadFile(file, offset, length, sink);
}

StatusOr<FileStatus> Client::GetStatus(const std::string& path) {
  return connection_->master()->GetStatus(path);
}

StatusOr<std::vector<FileStatus>> Client::List(const std::string& path, bool recursive) {
  std::vector<FileStatus> entries;
  ListOptions options;
  options.recursive = recursive;
  SPILLWAY_RETURN_IF_ERROR(
      connection_->master()->ListStatus(path, options, [&](const FileStatus& status) {
        entries.push_back(status);
        return absl::OkStatus();
      }));
  return entries;
}

Status Client::MakeDirectory(const std::string& path) {
  CreateDirectoryOptions options;
  options.recursive = true;
  options.allow_exists = true;
  options.write_type = write_options().create.write_type;
  return connection_->master()->CreateDirectory(path, options);
}

Status Client::Remove(const std::string& path, bool recursive) {
  RemoveOptions options;
  options.recursive = recursive;
  return connection_->master()->Remove(path, options);
}

Status Client::Rename(const std::string& source, const std::string& target) {
  return connection_->master()->Rename(source, target, RenameOptions());
}

Status Client::AwaitPersisted(const std::string& path, int64_t timeout_ms) {
  constexpr int64_t kPauseMsMax = 200;
  MasterApi* const master = connection_->master();
  Clock* const clock = connection_->clock();
  const int64_t end_ms = clock->MonotonicMs() + timeout_ms;
  SPILLWAY_ASSIGN_OR_RETURN(PersistProgress left, master->GetPersistProgress(path, 0));
  const int64_t cut = left.cut;
  for (int64_t pause_ms = 5; left.files_left > 0; pause_ms = std::min(2 * pause_ms, kPauseMsMax)) {
    if (clock->MonotonicMs() >= end_ms) {
      return MakeStatus(StatusCode::kDeadlineExceeded,
                        "{} files ({} bytes) at or below {} are not persisted yet; the oldest is "
                        "{}{}{}",
                        left.files_left, left.bytes_left, path, left.oldest_path,
                        left.oldest_error.empty() ? "" : ": ", left.oldest_error);
    }
    if (!clock->SleepMs(pause_ms))
      return MakeStatus(StatusCode::kCancelled, "The client is closed.");
    SPILLWAY_ASSIGN_OR_RETURN(left, master->GetPersistProgress(path, cut));
  }
  return absl::OkStatus();
}

}  // namespace spillway
