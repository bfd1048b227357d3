// One page of ListObjectsV2, or of its first version where a store knows no other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "understore/s3/s3_client.h"

namespace spillway {

struct S3ListQuery {
  std::string prefix;     // full keys
  std::string delimiter;  // "/" or empty
  int max_keys = 1000;
  std::string token;  // next_token of the page before; empty: the first page
};

struct S3ListPage {
  std::vector<ObjectInfo> objects;    // full keys that begin with the prefix
  std::vector<std::string> prefixes;  // full keys that begin with the prefix and end with delimiter
  std::string next_token;             // empty: the last page
};

StatusOr<S3ListPage> ListOnePage(S3Client* client, const S3ListQuery& query);
// What a listing says of the object of this full key; nothing if it does not show it.
StatusOr<std::optional<ObjectInfo>> ListedObject(S3Client* client, const std::string& key);

// Tells whether a chain of tokens that another server made up goes round in a circle, from what is
// carried along from page to page (Brent's method): within twice the circle's length.
class TokenTrail {
 public:
  // text is what ToString gave; a malformed one begins a new trail.
  static TokenTrail Parse(const std::string& text);
  std::string ToString() const;
  // False if token was met before.
  bool Add(const std::string& token);

 private:
  uint64_t kept_ = 0;
  int64_t steps_ = 0;
  int64_t limit_ = 1;
};

// The text of a field of a listing whose EncodingType was url (encoded) or not. Nothing if it
// cannot be decoded.
std::optional<std::string> ListedText(const std::string& text, bool encoded);
// Empty if an object of this full key can be shown to someone who asked for prefix; otherwise why
// not.
const char* WhyNotListed(const std::optional<std::string>& key, const std::string& prefix);

}  // namespace spillway
