#include "understore/s3/http_client.h"

#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <deque>
#include <set>
#include <thread>

#include "absl/synchronization/mutex.h"

namespace spillway {
namespace {

constexpr size_t kBufferedBytesMax = 4 << 20;
constexpr int64_t kSlowBytesPerSecond = 1024;
constexpr int64_t kSlowSeconds = 30;

// One request on its way, shared by the caller and the loop.
struct Transfer {
  const HttpRequest* request = nullptr;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  int64_t sent = 0;
  Status body_status;
  HttpResponse response;

  absl::Mutex mutex;
  std::deque<std::string> pieces ABSL_GUARDED_BY(mutex);
  size_t buffered ABSL_GUARDED_BY(mutex) = 0;
  bool paused ABSL_GUARDED_BY(mutex) = false;
  bool done ABSL_GUARDED_BY(mutex) = false;
  CURLcode result ABSL_GUARDED_BY(mutex) = CURLE_OK;

  ~Transfer() {
    if (easy != nullptr) curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
};

size_t OnRead(char* out, size_t size, size_t count, void* arg) {
  auto* transfer = static_cast<Transfer*>(arg);
  BodySource* body = transfer->request->body;
  const int64_t n =
      std::min<int64_t>(static_cast<int64_t>(size * count), body->size_bytes() - transfer->sent);
  if (n <= 0) return 0;
  transfer->body_status = body->Read(transfer->sent, out, n);
  if (!transfer->body_status.ok()) return CURL_READFUNC_ABORT;
  transfer->sent += n;
  return static_cast<size_t>(n);
}

int OnSeek(void* arg, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Transfer*>(arg)->sent = offset;
  return CURL_SEEKFUNC_OK;
}

size_t OnHeader(char* data, size_t size, size_t count, void* arg) {
  auto* transfer = static_cast<Transfer*>(arg);
  std::string line(data, size * count);
  const size_t colon = line.find(':');
  if (colon != std::string::npos) {
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    const size_t end = line.find_last_not_of("\r\n \t");
    transfer->response.headers[name] =
        begin == std::string::npos || begin > end ? "" : line.substr(begin, end - begin + 1);
  }
  return size * count;
}

size_t OnWrite(char* data, size_t size, size_t count, void* arg) {
  auto* transfer = static_cast<Transfer*>(arg);
  long code = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
  if (!transfer->request->sink || code / 100 != 2) {
    transfer->response.body.append(data, size * count);
    return size * count;
  }
  absl::MutexLock lock(&transfer->mutex);
  if (transfer->buffered >= kBufferedBytesMax) {
    transfer->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  transfer->pieces.emplace_back(data, size * count);
  transfer->buffered += size * count;
  return size * count;
}

// How connections are kept, and through which proxy they go.
void UseConnections(const HttpClient::Options& options, CURL* easy) {
  if (options.connection_ttl_ms > 0) {
    const int64_t seconds = std::max<int64_t>(1, options.connection_ttl_ms / 1000);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, static_cast<long>(seconds));
  }
  if (options.proxy.empty()) return;
  curl_easy_setopt(easy, CURLOPT_PROXY, options.proxy.c_str());
  // Where containers and instances ask for credentials: no proxy reaches it.
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "169.254.169.254,169.254.170.2,169.254.170.23");
}

Status FromCurl(CURLcode code, const std::string& url) {
  const std::string host = url.substr(0, url.find('/', url.find("//") + 2));
  StatusCode status = StatusCode::kUnavailable;
  if (code == CURLE_OPERATION_TIMEDOUT) status = StatusCode::kDeadlineExceeded;
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_URL_MALFORMAT ||
      code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_SSL_CACERT_BADFILE) {
    status = StatusCode::kInvalidArgument;
  }
  return MakeStatus(status, "No answer from {}: {}", host, curl_easy_strerror(code));
}

}  // namespace

class HttpClient::Loop {
 public:
  explicit Loop(const Options& options) : options_(options), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      static_cast<long>(options.connections_max));
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections_max));
  }

  ~Loop() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_);
    if (thread_.joinable()) thread_.join();
    curl_multi_cleanup(multi_);
  }

  StatusOr<HttpResponse> Perform(const HttpRequest& request) {
    auto transfer = std::make_shared<Transfer>();
    transfer->request = &request;
    Prepare(*transfer);
    Enqueue(transfer, Order::kAdd);
    const Status sink_status = Drain(transfer);
    absl::MutexLock lock(&transfer->mutex);
    transfer->mutex.Await(absl::Condition(&transfer->done));
    if (!sink_status.ok()) return sink_status;
    if (!transfer->body_status.ok()) return transfer->body_status;
    if (transfer->result != CURLE_OK) return FromCurl(transfer->result, request.url);
    return std::move(transfer->response);
  }

 private:
  enum class Order { kAdd, kResume, kRemove };

  void Prepare(Transfer& transfer) {
    const HttpRequest& request = *transfer.request;
    CURL* easy = transfer.easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(options_.connect_timeout_ms));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(kSlowBytesPerSecond));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(kSlowSeconds));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    UseConnections(options_, easy);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnWrite);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    if (!options_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
    if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (request.body != nullptr) {
      curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(easy, CURLOPT_READFUNCTION, OnRead);
      curl_easy_setopt(easy, CURLOPT_READDATA, &transfer);
      curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, OnSeek);
      curl_easy_setopt(easy, CURLOPT_SEEKDATA, &transfer);
      curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                       static_cast<curl_off_t>(request.body->size_bytes()));
    }
    for (const auto& [name, value] : request.headers) {
      // A header without value needs ';' in curl's language.
      const std::string line = value.empty() ? name + ";" : name + ": " + value;
      transfer.headers = curl_slist_append(transfer.headers, line.c_str());
    }
    transfer.headers = curl_slist_append(transfer.headers, "Expect:");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
  }

  void Enqueue(const std::shared_ptr<Transfer>& transfer, Order order) {
    {
      absl::MutexLock lock(&mutex_);
      if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
      orders_.emplace_back(order, transfer);
    }
    curl_multi_wakeup(multi_);
  }

  // Feeds the sink on the caller's thread until the transfer ends or the sink fails.
  Status Drain(const std::shared_ptr<Transfer>& transfer) {
    if (!transfer->request->sink) return absl::OkStatus();
    while (true) {
      std::string piece;
      bool resume = false;
      {
        absl::MutexLock lock(&transfer->mutex);
        transfer->mutex.Await(absl::Condition(
            +[](Transfer* t) { return t->done || !t->pieces.empty(); }, transfer.get()));
        if (transfer->pieces.empty()) return absl::OkStatus();
        piece = std::move(transfer->pieces.front());
        transfer->pieces.pop_front();
        transfer->buffered -= piece.size();
        if (transfer->paused && transfer->buffered < kBufferedBytesMax / 2) {
          transfer->paused = false;
          resume = true;
        }
      }
      if (resume) Enqueue(transfer, Order::kResume);
      if (Status status = transfer->request->sink(piece); !status.ok()) {
        Enqueue(transfer, Order::kRemove);
        return status;
      }
    }
  }

  void Finish(const std::shared_ptr<Transfer>& transfer, CURLcode result) {
    curl_multi_remove_handle(multi_, transfer->easy);
    active_.erase(transfer);
    long code = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
    absl::MutexLock lock(&transfer->mutex);
    transfer->response.code = static_cast<int>(code);
    transfer->result = result;
    transfer->done = true;
  }

  void CarryOutOrders() {
    std::deque<std::pair<Order, std::shared_ptr<Transfer>>> orders;
    {
      absl::MutexLock lock(&mutex_);
      orders.swap(orders_);
    }
    for (auto& [order, transfer] : orders) {
      if (order == Order::kAdd) {
        active_.insert(transfer);
        curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer.get());
        curl_multi_add_handle(multi_, transfer->easy);
      } else if (active_.count(transfer) > 0) {
        if (order == Order::kResume) curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
        if (order == Order::kRemove) Finish(transfer, CURLE_ABORTED_BY_CALLBACK);
      }
    }
  }

  void Run() {
    pthread_setname_np(pthread_self(), "s3-http");
    while (true) {
      CarryOutOrders();
      int running = 0;
      curl_multi_perform(multi_, &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        Transfer* raw = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &raw);
        const auto it = std::find_if(active_.begin(), active_.end(),
                                     [&](const auto& candidate) { return candidate.get() == raw; });
        const CURLcode result = message->data.result;
        if (it != active_.end()) Finish(std::shared_ptr<Transfer>(*it), result);
      }
      {
        absl::MutexLock lock(&mutex_);
        if (stopping_) break;
        if (!orders_.empty()) continue;
      }
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    while (!active_.empty())
      Finish(std::shared_ptr<Transfer>(*active_.begin()), CURLE_ABORTED_BY_CALLBACK);
  }

  const Options options_;
  CURLM* const multi_;
  std::set<std::shared_ptr<Transfer>> active_;  // the loop's thread only
  absl::Mutex mutex_;
  std::deque<std::pair<Order, std::shared_ptr<Transfer>>> orders_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

HttpClient::HttpClient(const Options& options) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialized;
  loop_ = std::make_unique<Loop>(options);
}

HttpClient::HttpClient() = default;
HttpClient::~HttpClient() = default;

StatusOr<HttpResponse> HttpClient::Perform(const HttpRequest& request) {
  return loop_->Perform(request);
}

}  // namespace spillway
