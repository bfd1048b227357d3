#include "store/strict_store.h"

#include "fmt/format.h"
#include "store/calls/calls.h"
#include "store/impl.h"

namespace spillway::strict {

StrictStore::Impl::Impl(const StoreOptions& options)
    : late(std::make_unique<LateEffects>(options.manual_effects)) {
  absl::MutexLock lock(&world.mutex);
  world.options = options;
  for (const std::string& bucket : options.buckets) world.buckets[bucket];
}

StoreOptions StrictStore::Impl::Options() const {
  absl::MutexLock lock(&world.mutex);
  return world.options;
}

void StrictStore::Impl::Change(const std::function<void(StoreOptions*)>& change) {
  absl::MutexLock lock(&world.mutex);
  change(&world.options);
}

int64_t StrictStore::Impl::NowMs(const StoreOptions& options) {
  SystemClock system;
  return (options.clock != nullptr ? options.clock->NowMs() : system.NowMs()) +
         options.clock_skew_ms;
}

std::string StrictStore::Impl::BucketName(const std::string& bucket) const {
  const StoreOptions options = Options();
  return bucket.empty() && !options.buckets.empty() ? options.buckets[0] : bucket;
}

void StrictStore::Impl::AddObject(const std::string& bucket, const std::string& key, Rope data) {
  Object object;
  object.data = std::move(data);
  object.etag = object.data.Etag();
  object.last_modified_ms = NowMs(Options());
  object.headers = {{"Content-Type", "binary/octet-stream"}};
  const std::string name = BucketName(bucket);
  absl::MutexLock lock(&world.mutex);
  world.buckets[name].objects[key] = std::move(object);
}

StrictStore::StrictStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StrictStore::~StrictStore() { Stop(); }

StatusOr<std::unique_ptr<StrictStore>> StrictStore::Start(const StoreOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  Impl* const raw = impl.get();
  std::unique_ptr<StrictStore> store(new StrictStore(std::move(impl)));
  raw->admin = store.get();
  SPILLWAY_ASSIGN_OR_RETURN(raw->server,
                            HttpServer::Start(options.port, kSingleBytesMax,
                                              [raw](HttpRequest& request, Connection& connection) {
                                                return raw->Serve(request, connection);
                                              }));
  return store;
}

int StrictStore::port() const { return impl_->server->port(); }
std::string StrictStore::endpoint() const { return fmt::format("http://127.0.0.1:{}", port()); }
void StrictStore::Stop() {
  if (impl_->server != nullptr) impl_->server->Stop();
}

int64_t StrictStore::AddRule(const Rule& rule) { return impl_->stranger.AddRule(rule); }
void StrictStore::ClearRules() { impl_->stranger.ClearRules(); }
std::vector<Rule> StrictStore::Rules() const { return impl_->stranger.Rules(); }

std::map<std::string, Object> StrictStore::ObjectsSnapshot(const std::string& bucket) const {
  const std::string name = impl_->BucketName(bucket);
  absl::MutexLock lock(&impl_->world.mutex);
  const auto found = impl_->world.buckets.find(name);
  return found == impl_->world.buckets.end() ? std::map<std::string, Object>()
                                             : found->second.objects;
}

void StrictStore::PutForeign(const std::string& key, const std::string& data,
                             const std::string& bucket) {
  impl_->AddObject(bucket, key, Rope(data));
}

void StrictStore::PutSynthetic(const std::string& key, int64_t size_bytes, uint64_t seed,
                               const std::string& bucket) {
  impl_->AddObject(bucket, key, Rope::Synthetic(size_bytes, seed));
}

bool StrictStore::RemoveForeign(const std::string& key, const std::string& bucket) {
  const std::string name = impl_->BucketName(bucket);
  absl::MutexLock lock(&impl_->world.mutex);
  return impl_->world.buckets[name].objects.erase(key) > 0;
}

std::vector<OpenUploadRecord> StrictStore::OpenUploads(const std::string& bucket) const {
  const std::string name = impl_->BucketName(bucket);
  absl::MutexLock lock(&impl_->world.mutex);
  std::vector<OpenUploadRecord> out;
  for (const auto& [id, upload] : impl_->world.buckets[name].uploads) {
    OpenUploadRecord& record = out.emplace_back();
    record = {upload.key, id, upload.initiated_ms, static_cast<int64_t>(upload.parts.size()), 0};
    for (const auto& part : upload.parts) record.bytes += part.second.data.size();
  }
  return out;
}

void StrictStore::Clear() {
  impl_->stranger.ClearRules();
  {
    absl::MutexLock lock(&impl_->world.mutex);
    for (auto& bucket : impl_->world.buckets) bucket.second = Bucket();
  }
  absl::MutexLock lock(&impl_->log_mutex);
  impl_->log.clear();
  impl_->bytes_copied = 0;
}

std::vector<RequestRecord> StrictStore::Requests() const {
  absl::MutexLock lock(&impl_->log_mutex);
  return {impl_->log.begin(), impl_->log.end()};
}

void StrictStore::ClearRequests() {
  absl::MutexLock lock(&impl_->log_mutex);
  impl_->log.clear();
}

int64_t StrictStore::bytes_copied() const {
  absl::MutexLock lock(&impl_->log_mutex);
  return impl_->bytes_copied;
}

StoreOptions StrictStore::options() const { return impl_->Options(); }
void StrictStore::SetProfile(const Profile& profile) {
  impl_->Change([&](StoreOptions* options) { options->profile = profile; });
}
void StrictStore::SetDelayMs(S3Call call, int64_t ms) {
  impl_->Change([&](StoreOptions* options) { options->delay_ms[call] = ms; });
}
void StrictStore::SetBlanksEveryMs(int64_t ms) {
  impl_->Change([&](StoreOptions* options) { options->blanks_every_ms = ms; });
}
void StrictStore::SetRequestsPerSecond(int requests) {
  impl_->Change([&](StoreOptions* options) { options->requests_per_second = requests; });
}
void StrictStore::SetClockSkewMs(int64_t ms) {
  impl_->Change([&](StoreOptions* options) { options->clock_skew_ms = ms; });
}
void StrictStore::SetSessionToken(const std::string& token) {
  impl_->Change([&](StoreOptions* options) { options->session_token = token; });
}

void StrictStore::AdvanceMs(int64_t ms) { impl_->late->AdvanceMs(ms); }
int64_t StrictStore::pending_effects() const { return impl_->late->pending(); }

}  // namespace spillway::strict
