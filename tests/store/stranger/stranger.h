// The stranger: rules that deform answers, so that a client meets what no honest store sends.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "store/s3_calls.h"
#include "store/world.h"

namespace spillway::strict {

enum class Deformation {
  // The body.
  kWrongRoot,      // another root element; name: which ("Wrong")
  kHtmlPage,       // 200 and a web page
  kEmptyBody,      // the status and headers of success without a body
  kCutOff,         // fewer bytes than Content-Length says, then the end; amount: how many (half)
  kMalformedXml,   // XML that ends in the middle, with an honest Content-Length
  kListShortened,  // the second half of the listed entries is missing
  kFieldMissing,   // name: every element so called
  kFieldAbsurd,    // name: every element so called holds value
  kFieldTwice,     // name: every element so called stands there twice, the second time with value
  kByteFlipped,    // the last byte of the body is another
  kBodyLonger,     // amount (1) bytes more than there are
  // Headers.
  kHeaderMissing,    // name
  kHeaderAbsurd,     // name, value
  kNoContentLength,  // the end of the connection is the end of the body
  // Statuses. These carry nothing out unless effect says so.
  kStatus,           // status, without a body
  kStatusWithError,  // status, with an S3 error body; name: the code (InternalError)
  kErrorCode,        // name: an S3 error with its own status
  kErrorWith200,     // name: an S3 error body with status 200
  kRedirect,         // status (307) to value (a URL); name: x-amz-bucket-region, if not empty
  // Ranges of GetObject.
  kRangeMisnamed,  // 206 with the bytes asked for; Content-Range says amount (1) further
  kRangeOther,     // 206 with honest bytes that begin amount (1) further
  kRangeShort,     // 206 with the first half of the bytes asked for
  kRangeIgnored,   // 200 and the whole object
  kRangeUnnamed,   // 206 without Content-Range
  // Time.
  kSlowFirstByte,  // ms
  kBlanks,         // 200 at once, a blank each ms for amount ms, then the effect and the body
  kTrickle,        // amount bytes of the body a second
  // Answers that are lost.
  kEffectNoAnswer,    // carried out; the connection is closed
  kNoEffectNoAnswer,  // not carried out; the connection is closed
  kEffectLater,       // carried out ms later; status 0: the connection is closed, else answered
  kGarbage,           // carried out; value instead of HTTP ("SSH-2.0-strict")
};

struct DeformationInfo {
  Deformation deformation;
  const char* name;        // as in JSON: "wrong_root"
  const char* parameters;  // the fields of Rule that it looks at, by blanks
};
const std::vector<DeformationInfo>& AllDeformations();
std::string DeformationName(Deformation deformation);
std::optional<Deformation> DeformationByName(std::string_view name);
// Whether it changes anything about an answer of success of this call.
bool Applies(Deformation deformation, S3Call call);
// Values that no field of an honest answer holds.
const std::vector<std::string>& AbsurdValues();

struct Rule {
  std::optional<S3Call> call;  // none: any
  Deformation deformation = Deformation::kStatus;
  int count = 1;    // how many requests it takes; -1: all
  int skip = 0;     // matching requests that it lets pass before
  std::string key;  // of these keys alone (the prefix of listings); "a/*": those that begin so
  // Parameters.
  std::string name;
  std::string value;
  int status = 0;
  int64_t ms = 0;
  int64_t amount = 0;
  std::optional<bool> effect;  // whether the call is carried out; none: as the deformation has it
  int64_t id = 0;              // given by AddRule
};

// Thread-safe.
class Stranger {
 public:
  int64_t AddRule(Rule rule);
  void ClearRules();
  std::vector<Rule> Rules() const;
  // The first rule for this request; counts it.
  std::optional<Rule> Take(const Exchange& exchange);

 private:
  mutable absl::Mutex mutex_;
  std::vector<Rule> rules_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Whether the call is carried out before the answer.
bool HasEffect(const Rule& rule);
// Changes what is asked, for deformations that answer another question.
void DeformRequest(const Rule& rule, Exchange* exchange);
// answer is the honest one if HasEffect; otherwise an empty success.
void DeformAnswer(const Rule& rule, const Exchange& exchange, Answer* answer);
Delivery DeliveryOf(const Rule& rule, const Answer& answer);

}  // namespace spillway::strict
