// A client for hand-written requests: one connection each, unless told otherwise.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace spillway::strict {

struct RawAnswer {
  std::string raw;                             // all that came
  int status = 0;                              // 0: no answer
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;                            // chunks put together
  bool whole = false;        // as many bytes as Content-Length says, or all chunks
  std::string Code() const;  // of an S3 error body
};

// Sends bytes to 127.0.0.1:port, and reads until the peer closes.
RawAnswer SendRaw(int port, const std::string& bytes);

// The parts of a request that SignedRequest puts together. key is not encoded.
struct RawRequest {
  std::string method = "GET";
  std::string key;  // empty: the bucket
  std::vector<std::pair<std::string, std::string>> query;
  std::map<std::string, std::string> headers;  // lower-case names; all are signed
  std::map<std::string, std::string> unsigned_headers;
  std::string body;
  std::string bucket = "bucket";
  bool virtual_host = false;
  bool with_length = true;
  bool keep_alive = false;
  // For the signature.
  std::string access_key = "strict";
  std::string secret_key = "strict-secret";
  std::string region = "us-east-1";
  std::string payload_hash = "UNSIGNED-PAYLOAD";
  int64_t time_ms = 0;  // 0: now
};
// The request's bytes, signed by Spillway's own code.
std::string SignedRequest(int port, const RawRequest& request);

}  // namespace spillway::strict
