// Verifies AWS Signature Version 4, header form, from the request as it was received.
#pragma once

#include <optional>

#include "store/world.h"

namespace spillway::strict {

inline constexpr int64_t kSkewMsMax = 15 * 60'000;

// Nothing if the request is signed as the options demand; otherwise the refusal.
std::optional<Answer> VerifySignature(const StoreOptions& options, const HttpRequest& request,
                                      int64_t now_ms);

}  // namespace spillway::strict
