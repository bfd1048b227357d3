#include "understore/s3/calls.h"
#include "understore/s3/store_probe.h"

namespace spillway {
namespace {

Status RunAll(StoreProbe* probe) {
  SPILLWAY_RETURN_IF_ERROR(probe->PutObjects());
  if (probe->refused()) return absl::OkStatus();
  SPILLWAY_RETURN_IF_ERROR(probe->ProbeChecksums());
  SPILLWAY_RETURN_IF_ERROR(probe->ProbePut());
  SPILLWAY_RETURN_IF_ERROR(probe->ProbeGet());
  SPILLWAY_RETURN_IF_ERROR(probe->ProbeCopy());
  SPILLWAY_RETURN_IF_ERROR(probe->ProbeParts());
  SPILLWAY_RETURN_IF_ERROR(probe->ProbeComplete());
  SPILLWAY_RETURN_IF_ERROR(probe->ProbeList());
  SPILLWAY_RETURN_IF_ERROR(probe->ProbeMultiDelete());
  return probe->ProbeDelete();
}

}  // namespace

Status S3UnderStore::Probe(const std::string& probe_key) {
  if (client_->profile().complete() || !client_->settings().probe) return absl::OkStatus();
  StoreProbe probe(client_.get(), client_->FullKey(probe_key));
  const Status status = RunAll(&probe);
  probe.CleanUp();
  SPILLWAY_RETURN_IF_ERROR(status);
  if (probe.source_conditions() != Support::kUnknown)
    source_conditions_ = probe.source_conditions();
  if (!probe.refused()) return absl::OkStatus();
  // Nothing can be written here. What cannot be found out is not relied on.
  for (int i = 0; i < kStoreFeatures; ++i) {
    const auto feature = static_cast<StoreFeature>(i);
    if (client_->Knows(feature) == Support::kUnknown) client_->Learn(feature, Support::kNo);
  }
  return absl::OkStatus();
}

}  // namespace spillway
