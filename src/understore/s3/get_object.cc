// Reads a range of one version of an object. What the store says of itself is checked before the
// first byte is handed on.
#include <algorithm>

#include "understore/read_version.h"
#include "understore/s3/calls.h"

namespace spillway {
namespace {

const AnswerRule& GetRule() {
  static const AnswerRule kRule{"get_object", {200, 206}, {{"etag", FieldKind::kEtag, false}}};
  return kRule;
}

struct ContentRange {
  int64_t first = -1;  // -1: "bytes */total"
  int64_t last = -1;
  int64_t total = -1;  // -1: "*"
};

// "bytes 0-9/100", "bytes 0-9/*", "bytes */100"
std::optional<ContentRange> ParseContentRange(const std::string& text) {
  if (text.rfind("bytes ", 0) != 0) return std::nullopt;
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  ContentRange range;
  const std::string total = text.substr(slash + 1);
  if (total != "*") {
    const auto number = ParseDecimal(total, kObjectBytesMax);
    if (!number) return std::nullopt;
    range.total = *number;
  }
  const std::string bytes = text.substr(6, slash - 6);
  if (bytes == "*") return range.total < 0 ? std::nullopt : std::optional(range);
  const size_t dash = bytes.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto first = ParseDecimal(bytes.substr(0, dash), kObjectBytesMax);
  const auto last = ParseDecimal(bytes.substr(dash + 1), kObjectBytesMax);
  if (!first || !last || *last < *first || (range.total >= 0 && *last >= range.total))
    return std::nullopt;
  range.first = *first;
  range.last = *last;
  return range;
}

// Checks the header, cuts the range out of what comes, and counts.
class Reader {
 public:
  Reader(S3Client* client, const S3Request& request, int64_t offset, int64_t length,
         const GetOptions& options, const UnderStore::Sink& sink)
      : client_(client),
        request_(request),
        offset_(offset),
        length_(length),
        options_(options),
        sink_(sink) {}

  Status OnHeaders(const HttpResponse& response) {
    SPILLWAY_ASSIGN_OR_RETURN(const auto answer, client_->Judge(request_, GetRule(), response));
    response_ = response;
    etag_ = StripEtag(answer->header("etag"));
    // A web page has none. An object without one is known by its length, and by a range of it.
    const bool known = options_.if_match.empty() && options_.object_bytes >= 0;
    if (etag_.empty() && !(known && response.code == 206))
      return client_->Strange(GetRule().call, "missing or malformed header etag", response_);
    if (!options_.if_match.empty() && etag_ != options_.if_match) {
      // It should have said 412.
      client_->Learn(StoreFeature::kGetIfMatch, Support::kNo);
      return Changed("another object stands there");
    }
    // Some stores answer a range with 200 and say what it is.
    const bool part = response.code == 206 || !answer->header("content-range").empty();
    return part ? OnPart(*answer) : OnWhole(*answer);
  }

  Status OnData(std::string_view data) {
    const int64_t bytes = static_cast<int64_t>(data.size());
    const int64_t at = received_;
    received_ += bytes;
    if (whole_bytes_ >= 0 && received_ > whole_bytes_)
      return client_->Strange(GetRule().call, "more bytes than announced", response_);
    const int64_t from = std::clamp<int64_t>(skip_ - at, 0, bytes);
    const int64_t to = std::clamp<int64_t>(skip_ + wanted_ - at, from, bytes);
    if (to > from) {
      SPILLWAY_RETURN_IF_ERROR(
          sink_(data.substr(static_cast<size_t>(from), static_cast<size_t>(to - from))));
      delivered_ += to - from;
    }
    // The rest of a whole object is of no use.
    enough_ = received_ >= skip_ + wanted_ && received_ != whole_bytes_;
    return enough_ ? absl::CancelledError("enough") : absl::OkStatus();
  }

  Status AtEnd() {
    if (whole_bytes_ >= 0 ? received_ == whole_bytes_ : delivered_ == wanted_)
      return absl::OkStatus();
    return client_->Strange(GetRule().call, "fewer bytes than announced", response_);
  }

  bool enough() const { return enough_; }
  const std::string& etag() const { return etag_; }

 private:
  Status Changed(const std::string& what) {
    return MakeStatus(StatusCode::kFailedPrecondition, "{}: {}", request_.key, what);
  }

  Status OnPart(const Answer& answer) {
    const auto range = ParseContentRange(answer.header("content-range"));
    if (!range || range->first != offset_)
      return client_->Strange(GetRule().call, "another range than asked for", response_);
    if (options_.object_bytes >= 0 && range->total >= 0 && range->total != options_.object_bytes)
      return Changed("the object has another length");
    const int64_t total = range->total >= 0 ? range->total : options_.object_bytes;
    const int64_t end = total >= 0 ? std::min(total, offset_ + length_) : offset_ + length_;
    whole_bytes_ = wanted_ = range->last - range->first + 1;
    const std::string length = answer.header("content-length");
    if (range->last != end - 1 || (!length.empty() && length != std::to_string(wanted_)))
      return client_->Strange(GetRule().call, "another range than asked for", response_);
    if (client_->Knows(StoreFeature::kGetRange) == Support::kUnknown)
      client_->Learn(StoreFeature::kGetRange, Support::kYes);
    return absl::OkStatus();
  }

  Status OnWhole(const Answer& answer) {
    const auto length = ParseDecimal(answer.header("content-length"), kObjectBytesMax);
    if (!length && (options_.object_bytes < 0 || !answer.header("content-length").empty()))
      return client_->Strange(GetRule().call, "an object without its length", response_);
    if (length && options_.object_bytes >= 0 && *length != options_.object_bytes)
      return Changed("the object has another length");
    whole_bytes_ = length.value_or(options_.object_bytes);
    skip_ = std::min(offset_, whole_bytes_);
    wanted_ = std::min(length_, whole_bytes_ - skip_);
    if (wanted_ < whole_bytes_) client_->Learn(StoreFeature::kGetRange, Support::kNo);
    return absl::OkStatus();
  }

  S3Client* const client_;
  const S3Request& request_;
  const int64_t offset_;
  const int64_t length_;
  const GetOptions& options_;
  const UnderStore::Sink& sink_;
  HttpResponse response_;
  std::string etag_;
  int64_t skip_ = 0;          // bytes before the range
  int64_t wanted_ = 0;        // bytes of the range
  int64_t whole_bytes_ = -1;  // of the answer's body
  int64_t received_ = 0;
  int64_t delivered_ = 0;
  bool enough_ = false;
};

// A range that begins at the end is an empty one here, if it is the end of the right object.
Status JudgeBeyondEnd(UnderStore& store, const std::string& key, int64_t offset,
                      const GetOptions& options, const HttpResponse& response,
                      const Status& refusal) {
  const auto range = response.headers.find("content-range");
  const auto said =
      range == response.headers.end() ? std::nullopt : ParseContentRange(range->second);
  if (said && said->first < 0 && said->total <= offset && options.if_match.empty() &&
      options.object_bytes < 0) {
    return absl::OkStatus();
  }
  const auto found = store.Head(key);
  if (!found.ok()) return found.status();
  const bool other = (!options.if_match.empty() && found->etag != options.if_match) ||
                     (options.object_bytes >= 0 && found->size_bytes != options.object_bytes);
  if (other)
    return MakeStatus(StatusCode::kFailedPrecondition, "{}: another object stands there", key);
  if (found->size_bytes <= offset) return absl::OkStatus();
  return Unavailable("{} (but it has {} bytes)", Message(refusal), found->size_bytes);
}

}  // namespace

Status S3UnderStore::Get(const std::string& key, int64_t offset, int64_t length,
                         const GetOptions& options, const Sink& sink) {
  if (length <= 0) return absl::OkStatus();
  if (offset < 0) return InvalidArgument("Offset {} of a read is negative.", offset);
  if (offset > kObjectBytesMax) return absl::OkStatus();
  length = std::min(length, kObjectBytesMax);
  S3Request request;
  request.method = "GET";
  request.key = client_->FullKey(key);
  request.headers["range"] = fmt::format("bytes={}-{}", offset, offset + length - 1);
  if (!options.if_match.empty()) request.headers["if-match"] = QuoteEtag(options.if_match);
  const int64_t end = options.object_bytes < 0 ? offset + length : options.object_bytes;
  request.payload_bytes = std::clamp<int64_t>(end - offset, 0, length);
  if (client_->Lacks(StoreFeature::kGetRange)) request.payload_bytes += offset;
  Reader reader(client_.get(), request, offset, length, options, sink);
  request.on_headers = [&](const HttpResponse& response) { return reader.OnHeaders(response); };
  request.sink = [&](std::string_view data) { return reader.OnData(data); };
  const auto response = client_->Send(request);
  if (reader.enough()) return absl::OkStatus();
  if (!response.ok()) return WithReadVersion(response.status(), reader.etag());
  if (response->code / 100 == 2) return WithReadVersion(reader.AtEnd(), reader.etag());
  const Status refusal = client_->Judge(request, GetRule(), *response).status();
  const S3Error error = S3ErrorOf(refusal);
  if (error.http_code == 412 && !options.if_match.empty())
    client_->Learn(StoreFeature::kGetIfMatch, Support::kYes);
  if (error.http_code == 416)
    return JudgeBeyondEnd(*this, key, offset, options, *response, refusal);
  return refusal;
}

}  // namespace spillway
