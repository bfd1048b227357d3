#include "understore/s3/http_transfer.h"

#include <algorithm>

namespace spillway {
namespace {

constexpr int64_t kSlowestBytesPerMs = 1;  // about 1 KB/s: below it nothing counts as moving
constexpr size_t kHeaderBytesMax = 256 << 10;
constexpr int64_t kErrorBytesMax = 1 << 20;

size_t OnRead(char* out, size_t size, size_t count, void* arg) {
  auto* transfer = static_cast<HttpTransfer*>(arg);
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
  static_cast<HttpTransfer*>(arg)->sent = offset;
  return CURL_SEEKFUNC_OK;
}

// A connection is there and the request is about to be sent.
int OnSend(void* arg, char*, char*, int, int) {
  ++static_cast<HttpTransfer*>(arg)->attempts;
  return CURL_PREREQFUNC_OK;
}

void EndOfHeader(HttpTransfer* transfer) {
  long code = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
  if (code < 200) return;  // an interim answer
  transfer->header_done = true;
  transfer->response.code = static_cast<int>(code);
}

size_t OnHeader(char* data, size_t size, size_t count, void* arg) {
  auto* transfer = static_cast<HttpTransfer*>(arg);
  const std::string line(data, size * count);
  transfer->header_bytes += line.size();
  if (transfer->header_bytes > kHeaderBytesMax) {
    transfer->too_long = true;
    return 0;
  }
  if (transfer->header_done) return line.size();  // behind the body
  if (line.rfind("HTTP/", 0) == 0) transfer->response.headers.clear();
  const size_t end = line.find_last_not_of("\r\n \t");
  if (end == std::string::npos) EndOfHeader(transfer);
  const size_t colon = line.find(':');
  if (colon != std::string::npos) {
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    transfer->response.headers[name] =
        begin == std::string::npos || begin > end ? "" : line.substr(begin, end - begin + 1);
  }
  return line.size();
}

size_t OnWrite(char* data, size_t size, size_t count, void* arg) {
  auto* transfer = static_cast<HttpTransfer*>(arg);
  const bool good = transfer->response.code / 100 == 2;
  if (!transfer->request->sink || !good) {
    std::string& body = transfer->response.body;
    const int64_t most = good ? transfer->request->answer_bytes_max : kErrorBytesMax;
    const size_t room =
        static_cast<size_t>(most) - std::min(static_cast<size_t>(most), body.size());
    body.append(data, std::min(room, size * count));
    transfer->too_long = size * count > room;
    return transfer->too_long ? 0 : size * count;
  }
  absl::MutexLock lock(&transfer->mutex);
  if (transfer->buffered >= HttpTransfer::kBufferedBytesMax) {
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

// True while it is the store's turn to move bytes.
bool BytesAreDue(HttpTransfer* transfer, int64_t sent) {
  if (transfer->attempts == 0) return false;
  const HttpRequest& request = *transfer->request;
  if (request.body != nullptr && !transfer->header_done && sent < request.body->size_bytes())
    return true;
  if (!request.sink || !transfer->header_done || transfer->response.code / 100 != 2) return false;
  absl::MutexLock lock(&transfer->mutex);
  return !transfer->paused;
}

int OnProgress(void* arg, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
  auto* transfer = static_cast<HttpTransfer*>(arg);
  const int64_t stall_ms = transfer->request->stall_ms;
  if (stall_ms == 0 || !BytesAreDue(transfer, sent)) {
    transfer->watched_since_us = -1;
    return 0;
  }
  curl_off_t now_us = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &now_us);
  const int64_t bytes = sent + received;
  const bool fresh = transfer->watched_since_us < 0 || bytes < transfer->watched_bytes;
  const bool ended = !fresh && now_us - transfer->watched_since_us >= stall_ms * 1000;
  if (ended && bytes - transfer->watched_bytes < stall_ms * kSlowestBytesPerMs) {
    transfer->stalled = true;
    return 1;
  }
  if (fresh || ended) {
    transfer->watched_since_us = now_us;
    transfer->watched_bytes = bytes;
  }
  return 0;
}

}  // namespace

HttpTransfer::HttpTransfer(const HttpRequest& http, const HttpClient::Options& options)
    : request(&http), easy(curl_easy_init()) {
  curl_easy_setopt(easy, CURLOPT_URL, http.url.c_str());
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http.method.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ms));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(http.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  UseConnections(options, easy);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnWrite);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, OnSend);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
  if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  if (http.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (http.body != nullptr) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, OnRead);
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, OnSeek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                     static_cast<curl_off_t>(http.body->size_bytes()));
  }
  for (const auto& [name, value] : http.headers) {
    // A header without value needs ';' in curl's language.
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    headers = curl_slist_append(headers, line.c_str());
  }
  headers = curl_slist_append(headers, "Expect:");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

HttpTransfer::~HttpTransfer() {
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
}

StatusOr<HttpResponse> HttpTransfer::Outcome() {
  absl::MutexLock lock(&mutex);
  if (!body_status.ok()) return body_status;
  response.attempts = std::max(1, attempts);
  const bool error_answer = response.code != 0 && response.code / 100 != 2;
  // The code of an error says enough where its page does not end.
  if (result == CURLE_OK || (error_answer && too_long)) return std::move(response);
  const std::string& url = request->url;
  const std::string host = url.substr(0, url.find('/', url.find("//") + 2));
  std::string why = curl_easy_strerror(result);
  if (stalled) why = fmt::format("less than 1 KB/s moved for {} ms", request->stall_ms);
  if (too_long) why = "the answer does not end where it should";
  if (attempts == 0) {
    // A person must act.
    if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_URL_MALFORMAT ||
        result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_SSL_CACERT_BADFILE) {
      return InvalidArgument("No connection to {}: {}", host, why);
    }
    return Unavailable("No connection to {}: {}; nothing was sent", host, why);
  }
  const bool late = result == CURLE_OPERATION_TIMEDOUT || stalled;
  const bool reads = request->method == "GET" || request->method == "HEAD";
  return MakeStatus(late || !reads ? StatusCode::kDeadlineExceeded : StatusCode::kUnavailable,
                    "No answer from {}: {}", host, why);
}

}  // namespace spillway
