// The parts of a StrictStore, and the way of a request through them.
#pragma once

#include <deque>
#include <functional>

#include "store/http/server.h"
#include "store/late_effects.h"
#include "store/strict_store.h"

namespace spillway::strict {

class StrictStore::Impl {
 public:
  explicit Impl(const StoreOptions& options);

  // Answers one request: an S3 call, or one of the administration.
  bool Serve(HttpRequest& request, Connection& connection);

  StoreOptions Options() const;
  // Changes the options; requests under way keep those they began with.
  void Change(const std::function<void(StoreOptions*)>& change);
  int64_t NowMs(const StoreOptions& options);
  void AddObject(const std::string& bucket, const std::string& key, Rope data);
  // The name of bucket, or of the first one if it is empty.
  std::string BucketName(const std::string& bucket) const;

  mutable World world;
  Stranger stranger;
  mutable absl::Mutex log_mutex;
  std::deque<RequestRecord> log ABSL_GUARDED_BY(log_mutex);
  int64_t requests_seen ABSL_GUARDED_BY(log_mutex) = 0;
  int64_t bytes_copied ABSL_GUARDED_BY(log_mutex) = 0;
  int64_t rate_second ABSL_GUARDED_BY(log_mutex) = 0;
  int rate_requests ABSL_GUARDED_BY(log_mutex) = 0;
  std::unique_ptr<LateEffects> late;
  StrictStore* admin = nullptr;        // what the administration acts on
  std::unique_ptr<HttpServer> server;  // the last: it stops before the rest goes

 private:
  bool ServeS3(HttpRequest& request, Connection& connection);
  // What is refused before any rule is looked for.
  std::optional<Answer> Check(const StoreOptions& options, Exchange* x);
  bool TooMany(const StoreOptions& options);
  Answer CarryOutAndCount(Exchange* x, RequestRecord* record);
  // The rest of a request that passed the checks.
  bool Answered(const StoreOptions& options, const std::optional<Rule>& rule, Exchange* x,
                Connection& connection, RequestRecord* record);
  Answer MakeAnswer(const std::optional<Rule>& rule, Exchange* x, RequestRecord* record);
  void CarryOutLater(const Rule& rule, const Exchange& x);
  void AddCommonHeaders(const StoreOptions& options, int64_t id, Answer* answer);
  void Log(RequestRecord record);
};

}  // namespace spillway::strict
