#include "understore/s3/list_page.h"

#include <algorithm>

namespace spillway {
namespace {

constexpr const char* kFirstVersion = "1:";
constexpr const char* kSecondVersion = "2:";

const AnswerRule& ListRule() {
  static const AnswerRule kRule{
      "list_objects",
      {200},
      {},
      "ListBucketResult",
      {{"IsTruncated", FieldKind::kBool}, {"KeyCount", FieldKind::kSize, false}},
      {{"Contents",
        {{"Key", FieldKind::kText},
         {"Size", FieldKind::kSize},
         {"ETag", FieldKind::kEtag, false},
         {"LastModified", FieldKind::kTime, false}}},
       {"CommonPrefixes", {{"Prefix", FieldKind::kText}}}}};
  return kRule;
}

// FNV-1a; never 0.
uint64_t HashOf(const std::string& text) {
  uint64_t hash = 1469598103934665603ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash == 0 ? 1 : hash;
}

// "2:trail:token": which version goes on from where.
struct Position {
  bool first_version = false;
  TokenTrail trail;
  std::string token;
};

StatusOr<Position> ParsePosition(const std::string& text) {
  Position at;
  if (text.empty()) return at;
  const size_t colon = text.find(':', 2);
  at.first_version = text.rfind(kFirstVersion, 0) == 0;
  if ((!at.first_version && text.rfind(kSecondVersion, 0) != 0) || colon == std::string::npos)
    return InvalidArgument("\"{}\" is no token of a listing.", Glimpse(text));
  at.trail = TokenTrail::Parse(text.substr(2, colon - 2));
  at.token = text.substr(colon + 1);
  return at;
}

S3Request RequestFor(const S3ListQuery& query, const Position& at) {
  S3Request request;
  request.method = "GET";
  request.query = {{"encoding-type", "url"},
                   {"max-keys", std::to_string(query.max_keys)},
                   {"prefix", query.prefix}};
  if (!query.delimiter.empty()) request.query.emplace_back("delimiter", query.delimiter);
  if (!at.first_version) request.query.emplace_back("list-type", "2");
  if (!at.token.empty())
    request.query.emplace_back(at.first_version ? "marker" : "continuation-token", at.token);
  return request;
}

// Reads one answer.
class PageReader {
 public:
  PageReader(S3Client* client, const S3ListQuery& query, Position at, const Answer& answer)
      : client_(client),
        query_(query),
        at_(std::move(at)),
        answer_(answer),
        encoded_(TextOf(answer.root, "EncodingType") == "url") {}

  StatusOr<S3ListPage> Read() {
    for (const pugi::xml_node& node : answer_.root.children("Contents")) {
      ++entries_;
      ReadObject(node);
    }
    for (const pugi::xml_node& node : answer_.root.children("CommonPrefixes")) {
      ++entries_;
      const auto prefix = ListedText(TextOf(node, "Prefix"), encoded_);
      if (prefix) last_ = std::max(last_, *prefix);
      const bool ends = prefix && !query_.delimiter.empty() && prefix->ends_with(query_.delimiter);
      const char* why = WhyNotListed(prefix, query_.prefix);
      if (why == nullptr && !ends) why = "a common prefix without the delimiter";
      why == nullptr ? AddPrefix(*prefix) : client_->CountSkipped(ListRule().call, why);
    }
    SPILLWAY_RETURN_IF_ERROR(FindNext());
    return std::move(page_);
  }

 private:
  void ReadObject(const pugi::xml_node& node) {
    const auto key = ListedText(TextOf(node, "Key"), encoded_);
    if (key) last_ = std::max(last_, *key);
    if (const char* why = WhyNotListed(key, query_.prefix); why != nullptr)
      return client_->CountSkipped(ListRule().call, why);
    // A store that does not know the delimiter lists all that is below.
    const size_t below = query_.delimiter.empty()
                             ? std::string::npos
                             : key->find(query_.delimiter, query_.prefix.size());
    if (below != std::string::npos)
      return AddPrefix(key->substr(0, below + query_.delimiter.size()));
    ObjectInfo info;
    info.key = *key;
    info.size_bytes = *ParseDecimal(TextOf(node, "Size"), kObjectBytesMax);
    info.etag = StripEtag(TextOf(node, "ETag"));
    info.last_modified_ms = ParseIsoTimeMs(TextOf(node, "LastModified")).value_or(0);
    page_.objects.push_back(std::move(info));
  }

  void AddPrefix(const std::string& prefix) {
    if (std::find(page_.prefixes.rbegin(), page_.prefixes.rend(), prefix) == page_.prefixes.rend())
      page_.prefixes.push_back(prefix);
  }

  Status FindNext() {
    const auto announced = ParseDecimal(TextOf(answer_.root, "KeyCount"));
    if (announced && *announced > entries_)
      return client_->Strange(ListRule().call, "fewer entries than announced", answer_.http);
    if (TextOf(answer_.root, "IsTruncated") != "true") return absl::OkStatus();
    Position next = at_;
    next.token = TextOf(answer_.root, "NextContinuationToken");
    if (at_.first_version || (next.token.empty() && !answer_.root.child("KeyCount"))) {
      // list-type=2 is passed over: this answer is of the first version.
      if (!at_.first_version) client_->Learn(StoreFeature::kListV2, Support::kNo);
      next.first_version = true;
      // What was listed says more surely where to go on than NextMarker.
      const auto marker = ListedText(TextOf(answer_.root, "NextMarker"), encoded_);
      next.token = last_.empty() ? marker.value_or("") : last_;
    } else if (client_->Knows(StoreFeature::kListV2) == Support::kUnknown) {
      client_->Learn(StoreFeature::kListV2, Support::kYes);
    }
    const bool back = next.first_version && next.token <= at_.token && at_.first_version;
    if (next.token.empty() || next.token == at_.token || back || !next.trail.Add(next.token))
      return client_->Strange(ListRule().call, "there is more, but no way to go on", answer_.http);
    page_.next_token = (next.first_version ? kFirstVersion : kSecondVersion) +
                       next.trail.ToString() + ":" + next.token;
    return absl::OkStatus();
  }

  S3Client* const client_;
  const S3ListQuery& query_;
  const Position at_;
  const Answer& answer_;
  const bool encoded_;
  S3ListPage page_;
  int64_t entries_ = 0;
  std::string last_;  // of all keys and prefixes, also of those that are passed over
};

}  // namespace

TokenTrail TokenTrail::Parse(const std::string& text) {
  TokenTrail trail;
  const size_t first = text.find('.');
  const size_t second = text.find('.', first + 1);
  if (first == std::string::npos || second == std::string::npos) return trail;
  const auto kept = ParseDecimal(text.substr(0, first));
  const auto steps = ParseDecimal(text.substr(first + 1, second - first - 1));
  const auto limit = ParseDecimal(text.substr(second + 1), INT64_MAX / 4);
  if (!kept || !steps || !limit || *limit < 1) return trail;
  trail.kept_ = static_cast<uint64_t>(*kept);
  trail.steps_ = *steps;
  trail.limit_ = *limit;
  return trail;
}

std::string TokenTrail::ToString() const { return fmt::format("{}.{}.{}", kept_, steps_, limit_); }

bool TokenTrail::Add(const std::string& token) {
  const uint64_t hash = HashOf(token) >> 1 | 1;
  if (hash == kept_) return false;
  if (++steps_ >= limit_) {
    kept_ = hash;
    steps_ = 0;
    limit_ *= 2;
  }
  return true;
}

std::optional<std::string> ListedText(const std::string& text, bool encoded) {
  return encoded ? UriDecode(text) : std::optional<std::string>(text);
}

const char* WhyNotListed(const std::optional<std::string>& key, const std::string& prefix) {
  if (!key) return "a key that cannot be decoded";
  if (key->find('\0') != std::string::npos) return "a key with a NUL";
  if (!IsUtf8(*key)) return "a key that is not UTF-8";
  if (key->rfind(prefix, 0) != 0) return "a key that was not asked for";
  return nullptr;
}

StatusOr<S3ListPage> ListOnePage(S3Client* client, const S3ListQuery& query) {
  SPILLWAY_ASSIGN_OR_RETURN(Position at, ParsePosition(query.token));
  if (query.token.empty()) at.first_version = client->Lacks(StoreFeature::kListV2);
  auto answer = client->Call(RequestFor(query, at), ListRule());
  if (!answer.ok() && !at.first_version && query.token.empty() &&
      S3ErrorOf(answer.status()).http_code == 501) {
    client->Learn(StoreFeature::kListV2, Support::kNo);
    at.first_version = true;
    answer = client->Call(RequestFor(query, at), ListRule());
  }
  SPILLWAY_RETURN_IF_ERROR(answer.status());
  return PageReader(client, query, std::move(at), **answer).Read();
}

StatusOr<std::optional<ObjectInfo>> ListedObject(S3Client* client, const std::string& key) {
  S3ListQuery query;
  query.prefix = key;
  query.max_keys = 1;
  SPILLWAY_ASSIGN_OR_RETURN(S3ListPage page, ListOnePage(client, query));
  for (ObjectInfo& object : page.objects) {
    if (object.key == key) return std::optional(std::move(object));
  }
  return std::optional<ObjectInfo>();
}

}  // namespace spillway
