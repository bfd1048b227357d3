#include "understore/local/local_under_store.h"

namespace spillway {

StatusOr<PutResult> LocalUnderStore::Put(const std::string& key, BodySource& body,
                                         const PutOptions& options) {
  SPILLWAY_ASSIGN_OR_RETURN(Place place, folder_.FindOrMake(key));
  SPILLWAY_ASSIGN_OR_RETURN(StagedFile staged, StageBody(key, std::move(place), body, options));
  return PublishDurably(staged, {options.if_absent, options.if_match});
}

}  // namespace spillway
