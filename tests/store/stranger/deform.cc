#include <algorithm>

#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "store/stranger/stranger.h"
#include "store/xml.h"

namespace spillway::strict {
namespace {

using D = Deformation;

constexpr const char* kPage =
    "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>"
    "<body><p>Please log in to the network.<br></body></html>\n";

bool SameName(const std::string& a, const std::string& b) {
  return absl::AsciiStrToLower(a) == absl::AsciiStrToLower(b);
}

void SetHeader(const std::string& name, const std::string& value, Answer* answer) {
  std::erase_if(answer->headers, [&](const auto& header) { return SameName(header.first, name); });
  answer->headers.emplace_back(name, value);
}

void SetPage(Answer* answer) {
  answer->status = 200;
  answer->headers = {{"Content-Type", "text/html; charset=utf-8"}};
  answer->body = Rope(std::string(kPage));
}

void EditFields(const Rule& rule, XmlNode* node) {
  std::vector<XmlNode> children;
  for (XmlNode& child : node->children) {
    EditFields(rule, &child);
    if (child.name != rule.name) {
      children.push_back(std::move(child));
      continue;
    }
    if (rule.deformation == D::kFieldMissing) continue;
    if (rule.deformation == D::kFieldTwice) children.push_back(child);
    child.children.clear();
    child.text = rule.value;
    children.push_back(std::move(child));
  }
  node->children = std::move(children);
}

void ShortenList(XmlNode* root) {
  const auto is_entry = [](const XmlNode& node) { return !node.children.empty(); };
  auto left = std::count_if(root->children.begin(), root->children.end(), is_entry);
  const auto kept = left / 2;
  std::vector<XmlNode> children;
  int64_t seen = 0;
  for (XmlNode& child : root->children) {
    if (is_entry(child) && seen++ >= kept) continue;
    children.push_back(std::move(child));
  }
  root->children = std::move(children);
}

void DeformXml(const Rule& rule, Answer* answer) {
  auto root = ReadXml(answer->body.Flatten());
  if (!root) return;  // no XML, or a name in it that XML cannot carry
  switch (rule.deformation) {
    case D::kWrongRoot:
      root->name = rule.name.empty() ? "Wrong" : rule.name;
      break;
    case D::kListShortened:
      ShortenList(&*root);
      break;
    default:
      EditFields(rule, &*root);
  }
  answer->body = Rope(WriteXml(*root));
}

void FlipLastByte(Answer* answer) {
  const int64_t size = answer->body.size();
  if (size == 0) return;
  std::string last = answer->body.Slice(size - 1, 1).Flatten();
  last[0] = static_cast<char>(last[0] ^ 1);
  Rope body = answer->body.Slice(0, size - 1);
  body.Append(Rope(last));
  answer->body = std::move(body);
}

void MisnameRange(int64_t further, Answer* answer) {
  for (auto& [name, value] : answer->headers) {
    long long first = 0, last = 0, size = 0;
    if (name != "Content-Range" ||
        std::sscanf(value.c_str(), "bytes %lld-%lld/%lld", &first, &last, &size) != 3) {
      continue;
    }
    value = fmt::format("bytes {}-{}/{}", first + further, last + further, size + further);
  }
}

void Redirect(const Rule& rule, Answer* answer) {
  const int status = rule.status == 0 ? 307 : rule.status;
  *answer = ErrorAnswer(status == 301 ? "PermanentRedirect" : "TemporaryRedirect", "",
                        {{"Endpoint", rule.value}});
  answer->status = status;
  if (!rule.value.empty()) answer->headers.emplace_back("Location", rule.value);
  if (!rule.name.empty()) answer->headers.emplace_back("x-amz-bucket-region", rule.name);
}

void SetStatus(const Rule& rule, Answer* answer) {
  const std::string code = rule.name.empty() ? "InternalError" : rule.name;
  switch (rule.deformation) {
    case D::kStatus:
      // A success with another number keeps what belongs to it.
      if (!HasEffect(rule)) *answer = Answer();
      answer->status = rule.status;
      break;
    case D::kStatusWithError:
      *answer = ErrorAnswer(code);
      answer->status = rule.status;
      break;
    case D::kErrorCode:
      *answer = ErrorAnswer(code);
      break;
    default:
      *answer = ErrorAnswer(code);
      answer->status = 200;
  }
}

void DeformBody(const Rule& rule, Answer* answer) {
  const int64_t size = answer->body.size();
  switch (rule.deformation) {
    case D::kHtmlPage:
      return SetPage(answer);
    case D::kEmptyBody:
      answer->body = Rope();
      return;
    case D::kMalformedXml:
      answer->body = answer->body.Slice(0, size - size / 4);
      return;
    case D::kByteFlipped:
      return FlipLastByte(answer);
    case D::kBodyLonger:
      answer->body.Append(Rope(std::string(std::max<int64_t>(1, rule.amount), '#')));
      return;
    default:
      return DeformXml(rule, answer);
  }
}

}  // namespace

void DeformRequest(const Rule& rule, Exchange* x) {
  long long first = 0, last = 0;
  const std::string range = x->request.Get("range");
  if (rule.deformation == D::kRangeIgnored) x->request.EraseHeaders("range");
  if (std::sscanf(range.c_str(), "bytes=%lld-%lld", &first, &last) != 2) return;
  const int64_t further = std::max<int64_t>(1, rule.amount);
  std::string other;
  if (rule.deformation == D::kRangeOther)
    other = fmt::format("bytes={}-{}", first + further, last + further);
  if (rule.deformation == D::kRangeShort)
    other = fmt::format("bytes={}-{}", first, first + (last - first) / 2);
  if (other.empty()) return;
  x->request.EraseHeaders("range");
  x->request.headers.emplace_back("range", other);
}

void DeformAnswer(const Rule& rule, const Exchange& x, Answer* answer) {
  switch (rule.deformation) {
    case D::kWrongRoot:
    case D::kHtmlPage:
    case D::kEmptyBody:
    case D::kMalformedXml:
    case D::kListShortened:
    case D::kFieldMissing:
    case D::kFieldAbsurd:
    case D::kFieldTwice:
    case D::kByteFlipped:
    case D::kBodyLonger:
      return DeformBody(rule, answer);
    case D::kHeaderMissing:
      std::erase_if(answer->headers,
                    [&](const auto& header) { return SameName(header.first, rule.name); });
      return;
    case D::kHeaderAbsurd:
      return SetHeader(rule.name, rule.value, answer);
    case D::kStatus:
    case D::kStatusWithError:
    case D::kErrorCode:
    case D::kErrorWith200:
      return SetStatus(rule, answer);
    case D::kRedirect:
      return Redirect(rule, answer);
    case D::kRangeMisnamed:
      return MisnameRange(std::max<int64_t>(1, rule.amount), answer);
    case D::kRangeUnnamed:
      std::erase_if(answer->headers,
                    [](const auto& header) { return header.first == "Content-Range"; });
      answer->status = 206;
      return;
    case D::kEffectLater:
      if (rule.status == 0) return;
      *answer = ErrorAnswer(rule.status == 503 ? "ServiceUnavailable" : "InternalError");
      answer->status = rule.status;
      return;
    default:
      return;
  }
}

Delivery DeliveryOf(const Rule& rule, const Answer& answer) {
  Delivery delivery;
  switch (rule.deformation) {
    case D::kCutOff:
      delivery.cut_after_bytes = rule.amount > 0 ? rule.amount : answer.body.size() / 2;
      break;
    case D::kHeaderMissing:
      delivery.without_length = SameName(rule.name, "content-length");
      break;
    case D::kNoContentLength:
      delivery.without_length = true;
      break;
    case D::kSlowFirstByte:
      delivery.first_byte_after_ms = rule.ms;
      break;
    case D::kTrickle:
      delivery.bytes_per_second = std::max<int64_t>(1, rule.amount);
      break;
    case D::kEffectNoAnswer:
    case D::kNoEffectNoAnswer:
      delivery.nothing = true;
      break;
    case D::kEffectLater:
      delivery.nothing = rule.status == 0;
      break;
    case D::kGarbage:
      delivery.garbage = rule.value.empty() ? "SSH-2.0-strict\r\n" : rule.value;
      break;
    default:
      break;
  }
  return delivery;
}

}  // namespace spillway::strict
