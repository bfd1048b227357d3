// Reports between our value types and the admin protocol.
#include "api/folder_report.h"
#include "rpc/convert.h"

namespace spillway {

void FillPersistInfo(const PersistInfo& info, admin::PersistInfo* out) {
  out->set_path(info.path);
  out->set_state(info.state);
  out->set_generation(info.generation);
  out->set_dirty_since_ms(info.dirty_since_ms);
  out->set_attempts(info.attempts);
  out->set_last_error(info.last_error);
  out->set_waits_for(info.waits_for);
  out->set_etag(info.etag);
  out->set_crc_known(info.crc32c.has_value());
  out->set_crc32c(info.crc32c.value_or(0));
  out->set_persisted_at_ms(info.persisted_at_ms);
  out->set_copies(info.copies);
  out->set_copies_wanted(info.copies_wanted);
  out->set_length_bytes(info.length_bytes);
  out->set_eta_ms(info.eta_ms);
}

PersistInfo ToPersistInfo(const admin::PersistInfo& in) {
  PersistInfo info;
  info.path = in.path();
  info.state = in.state();
  info.generation = in.generation();
  info.dirty_since_ms = in.dirty_since_ms();
  info.attempts = in.attempts();
  info.last_error = in.last_error();
  info.waits_for = in.waits_for();
  info.etag = in.etag();
  if (in.crc_known()) info.crc32c = in.crc32c();
  info.persisted_at_ms = in.persisted_at_ms();
  info.copies = in.copies();
  info.copies_wanted = in.copies_wanted();
  info.length_bytes = in.length_bytes();
  info.eta_ms = in.eta_ms();
  return info;
}

void FillPersistReport(const PersistReport& report, admin::GetPersistReportResponse* out) {
  out->set_waiting(report.waiting);
  out->set_running(report.running);
  out->set_parked(report.parked);
  out->set_dirty_bytes(report.dirty_bytes);
  out->set_oldest_age_ms(report.oldest_age_ms);
  out->set_files_per_second(report.files_per_second);
  out->set_objects_to_delete(report.objects_to_delete);
  for (const PersistLaneInfo& lane : report.lanes) {
    auto* to = out->add_lanes();
    to->set_name(lane.name);
    to->set_waiting(lane.waiting);
    to->set_running(lane.running);
    to->set_requests_per_second(lane.requests_per_second);
    to->set_outage(lane.outage);
    to->set_last_error(lane.last_error);
  }
  for (const PersistInfo& info : report.entries) FillPersistInfo(info, out->add_entries());
}

PersistReport ToPersistReport(const admin::GetPersistReportResponse& in) {
  PersistReport report;
  report.waiting = in.waiting();
  report.running = in.running();
  report.parked = in.parked();
  report.dirty_bytes = in.dirty_bytes();
  report.oldest_age_ms = in.oldest_age_ms();
  report.files_per_second = in.files_per_second();
  report.objects_to_delete = in.objects_to_delete();
  for (const auto& lane : in.lanes()) {
    report.lanes.push_back({lane.name(), lane.waiting(), lane.running(), lane.requests_per_second(),
                            lane.outage(), lane.last_error()});
  }
  for (const auto& info : in.entries()) report.entries.push_back(ToPersistInfo(info));
  return report;
}

void FillStoreInfo(const StoreInfo& info, admin::StoreInfo* out) {
  out->set_path(info.path);
  out->set_uri(info.uri);
  out->set_type(info.type);
  for (const auto& [name, support] : info.features) {
    auto* feature = out->add_features();
    feature->set_name(name);
    feature->set_support(support);
  }
  out->set_deletes_failing(info.deletes_failing);
  for (const FailingDelete& failing : info.deletes) {
    auto* to = out->add_deletes();
    to->set_key(failing.key);
    to->set_attempts(failing.attempts);
    to->set_cause(failing.cause);
  }
}

StoreInfo ToStoreInfo(const admin::StoreInfo& in) {
  StoreInfo info{in.path(), in.uri(), in.type(), {}, in.deletes_failing(), {}};
  for (const auto& feature : in.features())
    info.features.push_back({feature.name(), feature.support()});
  for (const auto& failing : in.deletes())
    info.deletes.push_back({failing.key(), failing.attempts(), failing.cause()});
  return info;
}

void FillHealthReport(const HealthReport& report, admin::GetHealthReportResponse* out) {
  out->set_degraded_blocks(report.degraded_blocks);
  out->set_lost_blocks(report.lost_blocks);
  out->set_healing_blocks(report.healing_blocks);
  for (const HealthEntry& entry : report.entries) {
    auto* to = out->add_entries();
    to->set_path(entry.path);
    to->set_block_id(entry.block.value());
    to->set_copies(entry.copies);
    to->set_copies_wanted(entry.copies_wanted);
    to->set_since_ms(entry.since_ms);
    to->set_healing(entry.healing);
  }
  for (const WorkerFolders& worker : report.workers) {
    auto* to = out->add_workers();
    to->set_host(worker.host);
    to->set_data_port(worker.data_port);
    FillFolders(worker.folders, worker.lost, to->mutable_folders());
  }
}

HealthReport ToHealthReport(const admin::GetHealthReportResponse& in) {
  HealthReport report;
  report.degraded_blocks = in.degraded_blocks();
  report.lost_blocks = in.lost_blocks();
  report.healing_blocks = in.healing_blocks();
  for (const auto& entry : in.entries()) {
    report.entries.push_back({entry.path(), BlockId(entry.block_id()), entry.copies(),
                              entry.copies_wanted(), entry.since_ms(), entry.healing()});
  }
  for (const auto& worker : in.workers()) {
    WorkerFolders to{worker.host(), worker.data_port(), {}, {}};
    ReadFolders(worker.folders(), &to.folders, &to.lost);
    report.workers.push_back(std::move(to));
  }
  return report;
}

void FillJob(const JobReport& report, admin::Job* out) {
  out->set_id(report.id);
  out->set_kind(report.kind);
  out->set_description(report.description);
  out->set_state(NameOf(report.state));
  out->set_files(report.files);
  out->set_walked(report.walked);
  out->set_files_done(report.files_done);
  out->set_files_failed(report.files_failed);
  out->set_bytes_done(report.bytes_done);
  out->set_begun_at_ms(report.begun_at_ms);
  out->set_ended_at_ms(report.ended_at_ms);
  for (const auto& [path, message] : report.failures) {
    auto* failure = out->add_failures();
    failure->set_path(path);
    failure->set_message(message);
  }
  out->mutable_done()->Assign(report.done.begin(), report.done.end());
}

JobReport ToJob(const admin::Job& job) {
  JobReport report;
  report.id = job.id();
  report.kind = job.kind();
  report.description = job.description();
  for (const JobState state :
       {JobState::kRunning, JobState::kCompleted, JobState::kFailed, JobState::kCanceled}) {
    if (job.state() == NameOf(state)) report.state = state;
  }
  report.files = job.files();
  report.walked = job.walked();
  report.files_done = job.files_done();
  report.files_failed = job.files_failed();
  report.bytes_done = job.bytes_done();
  report.begun_at_ms = job.begun_at_ms();
  report.ended_at_ms = job.ended_at_ms();
  for (const auto& failure : job.failures())
    report.failures.emplace_back(failure.path(), failure.message());
  report.done.assign(job.done().begin(), job.done().end());
  return report;
}

}  // namespace spillway
