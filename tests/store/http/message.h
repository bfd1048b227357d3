// HTTP messages as the strict store sees and sends them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/rope.h"

namespace spillway::strict {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A request as it came over the wire. Names of headers are lower case; values are trimmed.
struct HttpRequest {
  std::string method;
  std::string target;  // path and query, not decoded
  std::string path;    // not decoded
  std::string query;   // not decoded, without '?'
  Headers headers;
  std::string body;
  bool has_length = false;
  int64_t length = 0;          // what Content-Length announces
  bool body_too_long = false;  // the body was not read
  std::string malformed;       // why the request cannot be read; empty if it can

  // The first value; empty if there is none.
  std::string Get(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return "";
  }
  bool Has(std::string_view name) const {
    for (const auto& header : headers) {
      if (header.first == name) return true;
    }
    return false;
  }
  // Removes the headers whose name begins with prefix. Returns whether there were any.
  bool EraseHeaders(std::string_view prefix) {
    return std::erase_if(headers,
                         [&](const auto& header) { return header.first.starts_with(prefix); }) > 0;
  }
};

// What is to be answered. Content-Length is not among the headers; the sender adds it.
struct Answer {
  int status = 200;
  Headers headers;
  Rope body;               // of a HEAD request: what GET would send
  std::string error_code;  // of S3; empty if the call succeeded
};

// How an answer is sent. The zero value is the honest way.
struct Delivery {
  bool nothing = false;  // closes the connection without a byte
  std::string garbage;   // sent instead of everything, then the connection is closed
  int64_t first_byte_after_ms = 0;
  int64_t blanks_every_ms = 0;  // status 200 at once, then a blank each so many ms, then the body
  int64_t blanks_for_ms = 0;
  int64_t bytes_per_second = 0;  // 0: as fast as can be
  int64_t cut_after_bytes = -1;  // closes the connection behind so many bytes of the body
  bool without_length = false;   // the end of the connection is the end of the body
};

}  // namespace spillway::strict
