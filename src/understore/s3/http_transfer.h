// One HTTP request on its way through libcurl. Inner part of HttpClient.
#pragma once

#include <curl/curl.h>

#include <deque>
#include <string>

#include "absl/synchronization/mutex.h"
#include "understore/s3/http_client.h"

namespace spillway {

// Shared by the caller, who waits, and the loop's thread, where libcurl calls back. Members without
// a guard belong to the loop's thread until done or, response's code and headers, until the first
// piece is there.
struct HttpTransfer {
  static constexpr size_t kBufferedBytesMax = 4 << 20;

  HttpTransfer(const HttpRequest& request, const HttpClient::Options& options);
  ~HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;

  // What the transfer came to, once it is done.
  StatusOr<HttpResponse> Outcome();

  const HttpRequest* const request;
  CURL* const easy;
  curl_slist* headers = nullptr;
  int64_t sent = 0;
  size_t header_bytes = 0;
  bool header_done = false;
  bool too_long = false;
  bool stalled = false;
  int attempts = 0;
  int64_t watched_since_us = -1;  // -1: no bytes are due
  int64_t watched_bytes = 0;
  Status body_status;
  HttpResponse response;

  absl::Mutex mutex;
  std::deque<std::string> pieces ABSL_GUARDED_BY(mutex);
  size_t buffered ABSL_GUARDED_BY(mutex) = 0;
  bool paused ABSL_GUARDED_BY(mutex) = false;
  bool done ABSL_GUARDED_BY(mutex) = false;
  CURLcode result ABSL_GUARDED_BY(mutex) = CURLE_OK;
};

}  // namespace spillway
