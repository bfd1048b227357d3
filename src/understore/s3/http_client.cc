#include "understore/s3/http_client.h"

#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <deque>
#include <set>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "understore/s3/http_transfer.h"

namespace spillway {

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
    auto transfer = Start(request);
    SPILLWAY_RETURN_IF_ERROR(Drain(transfer));
    return End(*transfer);
  }

  std::vector<StatusOr<HttpResponse>> PerformMany(const std::vector<HttpRequest>& requests,
                                                  size_t side_by_side) {
    std::vector<StatusOr<HttpResponse>> responses;
    std::deque<std::shared_ptr<HttpTransfer>> under_way;
    for (size_t next = 0; responses.size() < requests.size();) {
      while (next < requests.size() && under_way.size() < side_by_side)
        under_way.push_back(Start(requests[next++]));
      responses.push_back(End(*under_way.front()));
      under_way.pop_front();
    }
    return responses;
  }

 private:
  enum class Order { kAdd, kResume, kRemove };

  std::shared_ptr<HttpTransfer> Start(const HttpRequest& request) {
    auto transfer = std::make_shared<HttpTransfer>(request, options_);
    Enqueue(transfer, Order::kAdd);
    return transfer;
  }

  static StatusOr<HttpResponse> End(HttpTransfer& transfer) {
    {
      absl::MutexLock lock(&transfer.mutex);
      transfer.mutex.Await(absl::Condition(&transfer.done));
    }
    return transfer.Outcome();
  }

  void Enqueue(const std::shared_ptr<HttpTransfer>& transfer, Order order) {
    {
      absl::MutexLock lock(&mutex_);
      if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
      orders_.emplace_back(order, transfer);
    }
    curl_multi_wakeup(multi_);
  }

  // Feeds the sink on the caller's thread until the transfer ends or the caller has enough. What an
  // error leaves behind is over when this returns: nothing of the caller is touched any more.
  Status Drain(const std::shared_ptr<HttpTransfer>& transfer) {
    if (!transfer->request->sink) return absl::OkStatus();
    Status status = Feed(transfer);
    if (!status.ok()) {
      Enqueue(transfer, Order::kRemove);
      absl::MutexLock lock(&transfer->mutex);
      transfer->mutex.Await(absl::Condition(&transfer->done));
    }
    return status;
  }

  Status Feed(const std::shared_ptr<HttpTransfer>& transfer) {
    const HttpRequest& request = *transfer->request;
    bool asked = !request.on_headers;
    while (true) {
      std::string piece;
      if (!Take(transfer, &piece)) break;
      if (!asked) SPILLWAY_RETURN_IF_ERROR(request.on_headers(transfer->response));
      asked = true;
      SPILLWAY_RETURN_IF_ERROR(request.sink(piece));
    }
    bool whole = false;
    {
      absl::MutexLock lock(&transfer->mutex);
      whole = transfer->result == CURLE_OK;
    }
    if (asked || !whole || transfer->response.code / 100 != 2) return absl::OkStatus();
    return request.on_headers(transfer->response);
  }

  // Waits for the next piece. False at the end.
  bool Take(const std::shared_ptr<HttpTransfer>& transfer, std::string* piece) {
    bool resume = false;
    {
      absl::MutexLock lock(&transfer->mutex);
      transfer->mutex.Await(absl::Condition(
          +[](HttpTransfer* t) { return t->done || !t->pieces.empty(); }, transfer.get()));
      if (transfer->pieces.empty()) return false;
      *piece = std::move(transfer->pieces.front());
      transfer->pieces.pop_front();
      transfer->buffered -= piece->size();
      if (transfer->paused && transfer->buffered < HttpTransfer::kBufferedBytesMax / 2) {
        transfer->paused = false;
        resume = true;
      }
    }
    if (resume) Enqueue(transfer, Order::kResume);
    return true;
  }

  void Finish(const std::shared_ptr<HttpTransfer>& transfer, CURLcode result) {
    curl_multi_remove_handle(multi_, transfer->easy);
    active_.erase(transfer);
    absl::MutexLock lock(&transfer->mutex);
    transfer->result = result;
    transfer->done = true;
  }

  void CarryOutOrders() {
    std::deque<std::pair<Order, std::shared_ptr<HttpTransfer>>> orders;
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

  // Stalls are looked for at least twice in the time that makes one.
  // Likewise whether all is to be cut.
  int PollMs() const {
    int64_t ms = options_.cut != nullptr && !active_.empty() ? 100 : 1000;
    for (const auto& transfer : active_) {
      const int64_t stall_ms = transfer->request->stall_ms;
      if (stall_ms > 0) ms = std::min(ms, std::max<int64_t>(10, stall_ms / 2));
    }
    return static_cast<int>(ms);
  }

  void Run() {
    pthread_setname_np(pthread_self(), "s3-http");
    while (true) {
      CarryOutOrders();
      if (options_.cut != nullptr && *options_.cut) AbortAll();
      int running = 0;
      curl_multi_perform(multi_, &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        HttpTransfer* raw = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &raw);
        const auto it = std::find_if(active_.begin(), active_.end(),
                                     [&](const auto& candidate) { return candidate.get() == raw; });
        const CURLcode result = message->data.result;
        if (it != active_.end()) Finish(std::shared_ptr<HttpTransfer>(*it), result);
      }
      {
        absl::MutexLock lock(&mutex_);
        if (stopping_) break;
        if (!orders_.empty()) continue;
      }
      curl_multi_poll(multi_, nullptr, 0, PollMs(), nullptr);
    }
    AbortAll();
  }

  void AbortAll() {
    while (!active_.empty())
      Finish(std::shared_ptr<HttpTransfer>(*active_.begin()), CURLE_ABORTED_BY_CALLBACK);
  }

  const Options options_;
  CURLM* const multi_;
  std::set<std::shared_ptr<HttpTransfer>> active_;  // the loop's thread only
  absl::Mutex mutex_;
  std::deque<std::pair<Order, std::shared_ptr<HttpTransfer>>> orders_ ABSL_GUARDED_BY(mutex_);
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

std::vector<StatusOr<HttpResponse>> HttpClient::PerformMany(
    const std::vector<HttpRequest>& requests, int side_by_side) {
  if (loop_ != nullptr)
    return loop_->PerformMany(requests, static_cast<size_t>(std::max(1, side_by_side)));
  std::vector<StatusOr<HttpResponse>> responses;
  for (const HttpRequest& request : requests) responses.push_back(Perform(request));
  return responses;
}

}  // namespace spillway
