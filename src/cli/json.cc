#include "cli/json.h"
#include "common/names.h"

#include "absl/strings/escaping.h"

#include "cli/fs/commands.h"

namespace spillway::cli {

using nlohmann::json;

json ToJson(const BlockInfo& block) {
  json locations = json::array();
  for (const BlockLocation& location : block.locations)
    locations.push_back({{"host", location.address.host},
                         {"dataPort", location.address.data_port},
                         {"tier", location.tier_alias}});
  return {{"id", block.id.value()}, {"length", block.length_bytes}, {"locations", locations}};
}

json ToJson(const FileStatus& status) {
  json out{{"path", status.path},
           {"name", status.name},
           {"fileId", status.id.value()},
           {"folder", status.is_directory},
           {"length", status.length_bytes},
           {"owner", status.owner},
           {"group", status.group},
           {"mode", fmt::format("{:o}", status.mode)},
           {"acl", FormatAcl(status, false)},
           {"persistenceState", PersistenceStateName(status.persistence_state)},
           {"ufsPath", status.understore_path},
           {"creationTimeMs", status.creation_time_ms},
           {"lastModificationTimeMs", status.last_modification_time_ms},
           {"pinned", status.pinned},
           {"ttlMs", status.ttl_ms},
           {"mountPoint", status.mount_point},
           {"xattr", status.xattr}};
  if (!status.default_acl.empty()) out["defaultAcl"] = FormatAcl(status, true);
  if (status.is_directory) return out;
  out["completed"] = status.completed;
  out["blockSizeBytes"] = status.block_size_bytes;
  out["inAlluxioPercentage"] = status.in_cluster_percentage;
  out["replicationMin"] = status.replication_min;
  out["replicationMax"] = status.replication_max;
  out["blocks"] = ToJson(status.blocks);
  return out;
}

json ToJson(const WorkerInfo& worker) {
  json tiers = json::array();
  for (const TierUsage& tier : worker.tiers)
    tiers.push_back({{"alias", tier.alias},
                     {"capacityBytes", tier.capacity_bytes},
                     {"usedBytes", tier.used_bytes}});
  return {{"host", worker.address.host},
          {"dataPort", worker.address.data_port},
          {"state", worker.state == WorkerState::kLive   ? "ACTIVE"
                    : worker.state == WorkerState::kLost ? "LOST"
                                                         : "DECOMMISSIONED"},
          {"lastContactMs", worker.last_contact_ms_ago},
          {"capacityBytes", worker.capacity_bytes()},
          {"usedBytes", worker.used_bytes()},
          {"tiers", tiers}};
}

json ToJson(const MountInfo& mount) {
  return {{"path", mount.path},
          {"ufs", mount.uri},
          {"type", mount.type},
          {"readOnly", mount.read_only},
          {"shared", mount.shared},
          {"mountId", mount.id.value()},
          {"properties", mount.properties}};
}

json ToJson(const PersistInfo& info) {
  json out{{"path", info.path},
           {"state", info.state},
           {"generation", info.generation},
           {"dirtySinceMs", info.dirty_since_ms},
           {"attempts", info.attempts},
           {"copies", info.copies},
           {"copiesWanted", info.copies_wanted},
           {"length", info.length_bytes}};
  if (!info.etag.empty()) out["etag"] = info.etag;
  if (info.crc32c) out["crc32c"] = fmt::format("{:08x}", *info.crc32c);
  if (info.persisted_at_ms > 0) out["persistedAtMs"] = info.persisted_at_ms;
  if (!info.last_error.empty()) out["lastError"] = info.last_error;
  if (!info.waits_for.empty()) out["waitsFor"] = info.waits_for;
  if (info.eta_ms >= 0) out["etaMs"] = info.eta_ms;
  return out;
}

json ToJson(const std::vector<StoreInfo>& stores) {
  json out = json::array();
  for (const StoreInfo& info : stores) {
    json features = json::object();
    for (const auto& [name, support] : info.features) features[name] = support;
    json deletes = json::array();
    for (const FailingDelete& failing : info.deletes) {
      deletes.push_back(
          {{"key", failing.key}, {"attempts", failing.attempts}, {"cause", failing.cause}});
    }
    out.push_back({{"path", info.path},
                   {"uri", info.uri},
                   {"type", info.type},
                   {"features", features},
                   {"deletesFailing", info.deletes_failing},
                   {"deletes", deletes}});
  }
  return out;
}

json ToJson(const PersistReport& report) {
  json lanes = json::array();
  for (const PersistLaneInfo& lane : report.lanes)
    lanes.push_back({{"prefix", lane.name},
                     {"waiting", lane.waiting},
                     {"running", lane.running},
                     {"requestsPerSecond", lane.requests_per_second},
                     {"outage", lane.outage},
                     {"lastError", lane.last_error}});
  return {{"waiting", report.waiting},
          {"running", report.running},
          {"neverPersisted", report.parked},
          {"dirtyBytes", report.dirty_bytes},
          {"oldestAgeMs", report.oldest_age_ms},
          {"filesPerSecond", report.files_per_second},
          {"objectsToDelete", report.objects_to_delete},
          {"prefixes", lanes},
          {"files", ToJson(report.entries)}};
}

json ToJson(const HealthReport& report) {
  json entries = json::array();
  for (const HealthEntry& entry : report.entries)
    entries.push_back({{"path", entry.path},
                       {"block", entry.block.value()},
                       {"copies", entry.copies},
                       {"copiesWanted", entry.copies_wanted},
                       {"sinceMs", entry.since_ms},
                       {"healing", entry.healing}});
  json workers = json::array();
  for (const WorkerFolders& worker : report.workers) {
    json folders = json::array();
    for (const FolderInfo& folder : worker.folders)
      folders.push_back({{"path", absl::Utf8SafeCEscape(folder.path)},
                         {"tier", folder.tier},
                         {"state", NameOf(folder.state)},
                         {"why", absl::Utf8SafeCEscape(folder.why)},
                         {"unreadFiles", folder.unread_files},
                         {"undeletedFiles", folder.undeleted_files},
                         {"lostFiles", folder.lost_files},
                         {"lostBytes", folder.lost_bytes}});
    json lost = json::array();
    for (const LostFile& file : worker.lost)
      lost.push_back({{"folder", absl::Utf8SafeCEscape(file.folder)},
                      {"name", absl::Utf8SafeCEscape(file.name)},
                      {"bytes", file.bytes},
                      {"why", absl::Utf8SafeCEscape(file.why)}});
    workers.push_back({{"host", worker.host},
                       {"dataPort", worker.data_port},
                       {"folders", folders},
                       {"lostFiles", lost}});
  }
  return {{"degradedBlocks", report.degraded_blocks},
          {"lostBlocks", report.lost_blocks},
          {"healingBlocks", report.healing_blocks},
          {"blocks", entries},
          {"workers", workers}};
}

json ToJson(const ClusterInfo& info) {
  return {{"masterAddress", info.master_address},
          {"clusterId", info.cluster_id},
          {"version", info.version},
          {"rpcPort", info.rpc_port},
          {"webPort", info.web_port},
          {"startTimeMs", info.start_time_ms},
          {"uptimeMs", info.uptime_ms},
          {"safeMode", info.safe_mode}};
}

nlohmann::json ToJson(const JobReport& job) {
  nlohmann::json failures = nlohmann::json::array();
  for (const auto& [path, message] : job.failures)
    failures.push_back({{"path", path}, {"message", message}});
  return {{"id", job.id},
          {"name", job.kind},
          {"description", job.description},
          {"status", NameOf(job.state)},
          {"files", job.files},
          {"allFilesFound", job.walked},
          {"filesDone", job.files_done},
          {"filesFailed", job.files_failed},
          {"bytesDone", job.bytes_done},
          {"begunAtMs", job.begun_at_ms},
          {"endedAtMs", job.ended_at_ms},
          {"failures", failures}};
}

nlohmann::json ToJson(const DamagedReport& report) {
  nlohmann::json records = nlohmann::json::array();
  for (const DamagedRecordInfo& record : report.records) {
    records.push_back(
        {{"name", record.name}, {"path", Printable(record.path)}, {"why", Printable(record.why)}});
  }
  nlohmann::json folders = nlohmann::json::array();
  for (const LeftOut& left : report.left_out) {
    folders.push_back({{"folder", Printable(left.folder)},
                       {"entries", left.entries},
                       {"example", Printable(left.example)},
                       {"why", Printable(left.why)}});
  }
  return {{"damagedRecords", report.records_count},
          {"damaged", records},
          {"leftOutFolders", report.left_out_count},
          {"leftOut", folders}};
}

std::string Text(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace spillway::cli
