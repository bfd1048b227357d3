#include <algorithm>

#include "common/file_env.h"
#include "understore/local/local_under_store.h"

namespace spillway {
namespace {

constexpr int64_t kReadPieceBytes = 1 << 20;

}  // namespace

// Conditions and bytes are of one open file, whatever stands at the key meanwhile.
Status LocalUnderStore::Get(const std::string& key, int64_t offset, int64_t length,
                            const GetOptions& options, const Sink& sink) {
  SPILLWAY_ASSIGN_OR_RETURN(const OpenFile file, folder_.OpenToRead(key));
  const bool other = (!options.if_match.empty() && EtagOf(file.facts) != options.if_match) ||
                     (options.object_bytes >= 0 && file.facts.size_bytes != options.object_bytes);
  if (other) {
    return MakeStatus(StatusCode::kFailedPrecondition, "{} was changed by others",
                      folder_.Shown(key));
  }
  std::string buffer(std::min(kReadPieceBytes, std::max<int64_t>(length, 1)), '\0');
  while (length > 0) {
    const int64_t n =
        calls().Read(file.fd(), buffer.data(), std::min<int64_t>(buffer.size(), length), offset);
    if (n < 0) return ErrnoStatus(static_cast<int>(-n), "Cannot read", folder_.Shown(key));
    if (n == 0) break;
    SPILLWAY_RETURN_IF_ERROR(sink(std::string_view(buffer.data(), static_cast<size_t>(n))));
    offset += n;
    length -= n;
  }
  return absl::OkStatus();
}

}  // namespace spillway
