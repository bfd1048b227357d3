// A store for tests: answers come from a function, requests are kept.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "understore/s3/credentials.h"
#include "understore/s3/http_client.h"

namespace spillway {

// Thread-safe if the function is.
class TwinHttpClient : public HttpClient {
 public:
  struct Seen {
    std::string method;
    std::string url;
    std::map<std::string, std::string> headers;  // names as the caller wrote them
    std::string body;
  };
  using Answer = std::function<StatusOr<HttpResponse>(const Seen&)>;
  explicit TwinHttpClient(Answer answer) : answer_(std::move(answer)) {}

  StatusOr<HttpResponse> Perform(const HttpRequest& request) override {
    Seen seen{request.method, request.url, {request.headers.begin(), request.headers.end()}, ""};
    if (request.body != nullptr) {
      seen.body.resize(request.body->size_bytes());
      SPILLWAY_RETURN_IF_ERROR(request.body->Read(0, seen.body.data(), request.body->size_bytes()));
    }
    {
      absl::MutexLock lock(&mutex_);
      seen_.push_back(seen);
    }
    SPILLWAY_ASSIGN_OR_RETURN(HttpResponse response, answer_(seen));
    if (request.sink && response.code / 100 == 2) {
      if (request.on_headers) SPILLWAY_RETURN_IF_ERROR(request.on_headers(response));
      SPILLWAY_RETURN_IF_ERROR(request.sink(response.body));
      response.body.clear();
    }
    return response;
  }

  std::vector<Seen> seen() {
    absl::MutexLock lock(&mutex_);
    return seen_;
  }

 private:
  const Answer answer_;
  absl::Mutex mutex_;
  std::vector<Seen> seen_ ABSL_GUARDED_BY(mutex_);
};

class FixedCredentials : public CredentialsProvider {
 public:
  StatusOr<S3Credentials> Get() override { return S3Credentials{"access", "secret", ""}; }
};

inline HttpResponse MakeResponse(int code, std::map<std::string, std::string> headers = {},
                                 std::string body = "") {
  HttpResponse response;
  response.code = code;
  response.headers = std::move(headers);
  response.body = std::move(body);
  return response;
}

}  // namespace spillway
