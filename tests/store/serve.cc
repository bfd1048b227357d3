// The way of a request: checks, rule, delay, effect, deformation, sending, log.
#include <chrono>

#include "fmt/format.h"
#include "store/admin.h"
#include "store/calls/calls.h"
#include "store/digest.h"
#include "store/http/send.h"
#include "store/impl.h"
#include "store/sigv4_verify.h"

namespace spillway::strict {
namespace {

constexpr size_t kLogMax = 100'000;

int64_t RealSecond() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool TakesLong(S3Call call) {
  return call == S3Call::kCompleteMultipartUpload || call == S3Call::kCopyObject ||
         call == S3Call::kUploadPartCopy;
}

void Note(const Answer& answer, const Delivery& delivery, const HttpRequest& request,
          RequestRecord* record) {
  record->error_code = answer.error_code;
  if (delivery.nothing || !delivery.garbage.empty()) return;
  record->status = answer.status;
  if (request.method != "HEAD") record->bytes_out = answer.body.size();
}

RequestRecord RecordOf(const HttpRequest& request, int64_t id, int64_t now_ms) {
  RequestRecord record;
  record.id = id;
  record.time_ms = now_ms;
  record.method = request.method;
  record.target = request.target;
  for (const auto& [name, value] : request.headers) record.headers[name] = value;
  record.bytes_in = static_cast<int64_t>(request.body.size());
  if (request.method == "POST") record.body = request.body;
  return record;
}

}  // namespace

bool StrictStore::Impl::Serve(HttpRequest& request, Connection& connection) {
  if (request.path.starts_with("/-/")) {
    return Send(request, Administer(request, *admin), Delivery(), connection);
  }
  return ServeS3(request, connection);
}

bool StrictStore::Impl::ServeS3(HttpRequest& request, Connection& connection) {
  const StoreOptions options = Options();
  Exchange x;
  x.request = std::move(request);
  x.profile = options.profile;
  x.now_ms = NowMs(options);
  int64_t id = 0;
  {
    absl::MutexLock lock(&log_mutex);
    id = ++requests_seen;
  }
  RequestRecord record = RecordOf(x.request, id, x.now_ms);
  std::optional<Answer> refusal = Check(options, &x);
  if (x.call) record.call = CallName(*x.call);
  record.bucket = x.bucket;
  record.key = x.key;
  bool open = false;
  if (refusal) {
    AddCommonHeaders(options, id, &*refusal);
    Note(*refusal, Delivery(), x.request, &record);
    Log(record);
    open = Send(x.request, *refusal, Delivery(), connection);
  } else {
    const std::optional<Rule> rule = stranger.Take(x);
    if (rule) record.deformation = DeformationName(rule->deformation);
    open = Answered(options, rule, &x, connection, &record);
  }
  return open && x.request.malformed.empty() && !x.request.body_too_long;
}

std::optional<Answer> StrictStore::Impl::Check(const StoreOptions& options, Exchange* x) {
  if (auto refusal = Route(options, x)) return refusal;
  if (TooMany(options)) return ErrorAnswer("SlowDown");
  if (auto refusal = VerifySignature(options, x->request, x->now_ms)) return refusal;
  if (auto refusal = CheckMessage(*x)) return refusal;
  return ApplyProfile(x);
}

bool StrictStore::Impl::TooMany(const StoreOptions& options) {
  if (options.requests_per_second <= 0) return false;
  absl::MutexLock lock(&log_mutex);
  const int64_t second = RealSecond();
  if (second != rate_second) rate_requests = 0;
  rate_second = second;
  return ++rate_requests > options.requests_per_second;
}

bool StrictStore::Impl::Answered(const StoreOptions& options, const std::optional<Rule>& rule,
                                 Exchange* x, Connection& connection, RequestRecord* record) {
  const auto found = options.delay_ms.find(*x->call);
  const int64_t delay = found == options.delay_ms.end() ? 0 : found->second;
  Delivery blanks;
  blanks.blanks_for_ms = delay;
  if (TakesLong(*x->call)) blanks.blanks_every_ms = delay > 0 ? options.blanks_every_ms : 0;
  if (rule && rule->deformation == Deformation::kBlanks) {
    blanks.blanks_every_ms = std::max<int64_t>(1, rule->ms);
    blanks.blanks_for_ms = std::max(delay, rule->amount);
  }
  const auto make = [&] {
    Answer answer = MakeAnswer(rule, x, record);
    AddCommonHeaders(options, record->id, &answer);
    return answer;
  };
  if (blanks.blanks_every_ms > 0) {
    return SendAfterBlanks(x->request, blanks, connection, [&] {
      Answer answer = make();
      Note(answer, blanks, x->request, record);
      record->status = 200;
      Log(*record);
      return answer;
    });
  }
  if (delay > 0 && !connection.WaitMs(delay)) return false;
  const Answer answer = make();
  const Delivery delivery = rule ? DeliveryOf(*rule, answer) : Delivery();
  Note(answer, delivery, x->request, record);
  Log(*record);
  return Send(x->request, answer, delivery, connection);
}

Answer StrictStore::Impl::MakeAnswer(const std::optional<Rule>& rule, Exchange* x,
                                     RequestRecord* record) {
  if (!rule) return CarryOutAndCount(x, record);
  if (rule->deformation == Deformation::kEffectLater) CarryOutLater(*rule, *x);
  DeformRequest(*rule, x);
  Answer answer;
  if (HasEffect(*rule)) answer = CarryOutAndCount(x, record);
  DeformAnswer(*rule, *x, &answer);
  return answer;
}

Answer StrictStore::Impl::CarryOutAndCount(Exchange* x, RequestRecord* record) {
  Answer answer = CarryOut(world, *x);
  record->bytes_copied = x->bytes_copied;
  record->carried_out = answer.error_code.empty();
  absl::MutexLock lock(&log_mutex);
  bytes_copied += x->bytes_copied;
  return answer;
}

void StrictStore::Impl::CarryOutLater(const Rule& rule, const Exchange& x) {
  late->Add(rule.ms, [this, later = std::make_shared<Exchange>(x)] {
    later->now_ms = NowMs(Options());
    CarryOut(world, *later);  // nobody hears the answer
    absl::MutexLock lock(&log_mutex);
    bytes_copied += later->bytes_copied;
  });
}

void StrictStore::Impl::AddCommonHeaders(const StoreOptions& options, int64_t id, Answer* answer) {
  const std::string name = fmt::format("{:016X}", id);
  answer->headers.emplace_back("Date", HttpTime(NowMs(options)));
  answer->headers.emplace_back("Server", "StrictStore");
  answer->headers.emplace_back("x-amz-request-id", name);
  answer->headers.emplace_back("x-amz-id-2", ToBase64(name));
}

void StrictStore::Impl::Log(RequestRecord record) {
  absl::MutexLock lock(&log_mutex);
  if (log.size() >= kLogMax) log.pop_front();
  log.push_back(std::move(record));
}

}  // namespace spillway::strict
