#include "fmt/format.h"
#include "store/calls/calls.h"

namespace spillway::strict {
namespace {

struct Range {
  int64_t first = 0;
  int64_t length = 0;
};

enum class RangeKind { kNone, kSatisfiable, kUnsatisfiable };

// "bytes=a-b", "bytes=a-" or "bytes=-n". S3 ignores what is none of these.
RangeKind ParseRange(const std::string& header, int64_t size, Range* range) {
  if (!header.starts_with("bytes=")) return RangeKind::kNone;
  const std::string spec = header.substr(6);
  const size_t dash = spec.find('-');
  if (dash == std::string::npos) return RangeKind::kNone;
  const std::string from = spec.substr(0, dash);
  const std::string to = spec.substr(dash + 1);
  const auto first = ParseNumber(from);
  const auto last = ParseNumber(to);
  if ((!from.empty() && !first) || (!to.empty() && !last) || (from.empty() && to.empty()))
    return RangeKind::kNone;
  if (from.empty()) {
    if (*last == 0 || size == 0) return RangeKind::kUnsatisfiable;
    range->length = std::min(*last, size);
    range->first = size - range->length;
    return RangeKind::kSatisfiable;
  }
  if (last && *last < *first) return RangeKind::kNone;
  if (*first >= size) return RangeKind::kUnsatisfiable;
  range->first = *first;
  range->length = std::min(last.value_or(size - 1), size - 1) - *first + 1;
  return RangeKind::kSatisfiable;
}

std::optional<Answer> CheckReadConditions(const Object& object, const Exchange& x) {
  const auto names = [&](const std::string& value) {
    return value == "*" || Unquoted(value) == object.etag;
  };
  const std::string match = x.request.Get("if-match");
  if (!match.empty() && !names(match))
    return ErrorAnswer("PreconditionFailed", "", {{"Condition", "If-Match"}});
  const std::string none_match = x.request.Get("if-none-match");
  if (none_match.empty() || !names(none_match)) return std::nullopt;
  Answer answer = ErrorAnswer("NotModified");
  answer.headers.emplace_back("ETag", Quoted(object.etag));
  return answer;
}

}  // namespace

Answer GetObject(World& world, Exchange& x) {
  Object object;  // the rope is shared, not copied
  {
    absl::MutexLock lock(&world.mutex);
    Bucket* bucket = FindBucket(world, x);
    if (bucket == nullptr) return ErrorAnswer("NoSuchBucket");
    const auto found = bucket->objects.find(x.key);
    if (found == bucket->objects.end()) return ErrorAnswer("NoSuchKey", "", {{"Key", x.key}});
    object = found->second;
  }
  if (auto refusal = CheckReadConditions(object, x)) return *refusal;
  const int64_t size = object.data.size();
  Range range{0, size};
  const RangeKind kind = ParseRange(x.request.Get("range"), size, &range);
  if (kind == RangeKind::kUnsatisfiable) {
    Answer answer = ErrorAnswer(
        "InvalidRange", "",
        {{"RangeRequested", x.request.Get("range")}, {"ActualObjectSize", std::to_string(size)}});
    answer.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
    return answer;
  }
  Answer answer;
  answer.headers = object.headers;
  answer.headers.emplace_back("ETag", Quoted(object.etag));
  answer.headers.emplace_back("Last-Modified", HttpTime(object.last_modified_ms));
  answer.headers.emplace_back("Accept-Ranges", "bytes");
  if (kind == RangeKind::kSatisfiable) {
    answer.status = 206;
    answer.headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", range.first,
                                                             range.first + range.length - 1, size));
  } else if (x.request.Get("x-amz-checksum-mode") == "ENABLED" && !object.crc32c.empty()) {
    answer.headers.emplace_back("x-amz-checksum-crc32c", object.crc32c);
    answer.headers.emplace_back("x-amz-checksum-type", object.checksum_type);
  }
  answer.body = object.data.Slice(range.first, range.length);
  return answer;
}

}  // namespace spillway::strict
