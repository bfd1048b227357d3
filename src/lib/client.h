// libspillway for C++: files in and out of a cluster. The C ABI is spillway.h.
//
//   Configuration config;
//   config.Set("alluxio.master.hostname", "10.0.0.1", "my program");
//   auto client = Client::Open(config);
//   auto options = (*client)->write_options();   // as the configuration says
//   options.create.durable_replicas = 3;
//   std::future<Status> written = (*client)->Write("/logs/a", std::move(bytes), options);
//   ...
//   if (Status status = written.get(); !status.ok()) ...
#pragma once

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/options.h"
#include "common/executor.h"
#include "lib/async_writer.h"
#include "lib/connection.h"

namespace spillway {

// Thread-safe. Calls ride over a master or workers that are away for a while (alluxio.user.rpc.
// retry.max.duration, FileSystem::kRideOverMs) and are carried out once even if they are repeated.
// Texts of errors are meant for people. Its end waits for what was asked; nothing may
// be asked any more.
class Client {
 public:
  // INVALID_ARGUMENT for a bad value in config. Does not wait for the master.
  static StatusOr<std::unique_ptr<Client>> Open(const Configuration& config);
  ~Client();
  // What was asked is given up: it ends with an error, at the latest when the one call that it has
  // under way is answered or has timed out (a minute for the master, spillway.user.data.timeout for
  // a worker's stream). The client's end waits no longer than that, then.
  void GiveUp() { connection_->Interrupt(); }

  // As the configuration says: ASYNC_THROUGH with alluxio.user.file.replication.durable copies.
  WriteOptions write_options() const;

  // Makes a file of data. It is kept by as many workers as options ask for when the future is OK,
  // and goes to the store in the background. Small files (up to 128 KiB) asked for while others are
  // on their way share calls. data is not copied. ALREADY_EXISTS, RESOURCE_EXHAUSTED,
  // PERMISSION_DENIED, UNAVAILABLE.
  std::future<Status> Write(std::string path, SharedBytes data, const WriteOptions& options);
  // The same, running done on a thread of the client, where it must not wait for other files.
  void Write(std::string path, SharedBytes data, const WriteOptions& options,
             AsyncWriter::Done done);
  // A file of any length, whose bytes source gives piece by piece. Blocks.
  Status WriteFrom(const std::string& path, const WriteOptions& options, const ByteSource& source);

  // Bytes [offset, offset + length) of a file; length < 0: to its end. NOT_FOUND, OUT_OF_RANGE.
  std::future<StatusOr<std::string>> Read(std::string path, int64_t offset = 0,
                                          int64_t length = -1);
  // The same, piece by piece to sink, whose error ends it. Blocks.
  Status ReadTo(const std::string& path, int64_t offset, int64_t length, const ByteSink& sink);

  StatusOr<FileStatus> GetStatus(const std::string& path);
  StatusOr<std::vector<FileStatus>> List(const std::string& path, bool recursive = false);
  // With its parents; OK if it is there.
  Status MakeDirectory(const std::string& path);
  Status Remove(const std::string& path, bool recursive = false);
  Status Rename(const std::string& source, const std::string& target);
  // Waits until all that was complete at or below path when this was called is in the store.
  // DEADLINE_EXCEEDED says what is missing.
  Status AwaitPersisted(const std::string& path, int64_t timeout_ms);

  // For what is rarer.
  MasterApi* master() { return connection_->master(); }

 private:
  static constexpr int kThreads = 16;

  explicit Client(const Configuration& config);

  std::unique_ptr<Connection> connection_;
  ThreadPool pool_{"client", kThreads};
  std::unique_ptr<AsyncWriter> writer_;
  absl::Mutex mutex_;
  int reads_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway
