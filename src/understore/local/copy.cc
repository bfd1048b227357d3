#include "understore/local/local_under_store.h"

namespace spillway {

// Callers delete the source after it: the copy is on the disk under its name before they hear of
// it.
StatusOr<PutResult> LocalUnderStore::Copy(const std::string& source, const std::string& target,
                                          const CopyOptions& options) {
  SPILLWAY_RETURN_IF_ERROR(CheckKey(target));
  SPILLWAY_ASSIGN_OR_RETURN(const OpenFile from, folder_.OpenToRead(source));
  const std::string etag = EtagOf(from.facts);
  const bool other = (!options.source_if_match.empty() && etag != options.source_if_match) ||
                     (options.source_bytes >= 0 && from.facts.size_bytes != options.source_bytes);
  if (other) {
    return MakeStatus(StatusCode::kFailedPrecondition, "{} was changed by others",
                      folder_.Shown(source));
  }
  SPILLWAY_ASSIGN_OR_RETURN(Place place, folder_.FindOrMake(target));
  const int mode = static_cast<int>(from.facts.mode);
  SPILLWAY_ASSIGN_OR_RETURN(StagedFile staged, Stage(target, std::move(place), false));
  SPILLWAY_RETURN_IF_ERROR(
      CopyBytes({calls_, staged.file.fd(), staged.direct, folder_.Shown(target)}, from.fd(),
                from.facts.size_bytes));
  // Others may write to the file itself.
  FileFacts after;
  if (calls().Facts(from.fd(), &after) < 0 || EtagOf(after) != etag)
    return Unavailable("{} was changed while it was copied.", folder_.Shown(source));
  SPILLWAY_RETURN_IF_ERROR(Finish(staged, mode));
  return PublishDurably(staged, {options.if_absent, options.if_match});
}

}  // namespace spillway
