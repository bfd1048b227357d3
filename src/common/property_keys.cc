// Every configuration key. docs/CONFIGURATION.md is made from this table (a test compares them).
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/config.h"

namespace spillway {
namespace {

using T = PropertyType;
using S = PropertyScope;

// One row a key: the table reads better unbroken.
// clang-format off
const PropertyKey kKeys[] = {
    {"alluxio.master.hostname", T::kString, "localhost", S::kAll, "Host that clients and workers use to reach the master."},
    {"alluxio.master.bind.host", T::kString, "0.0.0.0", S::kMaster, "Address the master listens on."},
    {"alluxio.master.rpc.port", T::kInt, "19998", S::kAll, "The master's RPC port."},
    {"alluxio.job.master.rpc.port", T::kInt, "20001", S::kMaster, "Port at which copies and loads are taken that Alluxio's shell submits to its job service; 0 turns it off."},
    {"alluxio.master.web.port", T::kInt, "19999", S::kMaster, "Port of /metrics and /healthz; 0 turns them off."},
    {"alluxio.master.rpc.addresses", T::kString, "", S::kClient, "Comma list host:port of several masters; the first that answers is used."},
    {"alluxio.master.journal.folder", T::kString, "${alluxio.work.dir}/journal", S::kMaster, "Folder of the master's state store."},
    {"alluxio.master.mount.table.root.ufs", T::kString, "${alluxio.work.dir}/underFSStorage", S::kMaster, "Understore URI mounted at /: a local folder or s3://bucket/prefix."},
    {"alluxio.master.worker.timeout", T::kDuration, "3sec", S::kMaster, "Silence after which a worker is lost."},
    {"alluxio.master.lost.worker.deletion.timeout", T::kDuration, "30min", S::kMaster, "A worker lost for longer is forgotten: reports and safe mode do not wait for it any more."},
    {"alluxio.master.worker.connect.wait.time", T::kDuration, "5sec", S::kMaster, "Longest safe mode after a start; it ends earlier once all known workers are back."},
    {"alluxio.master.filesystem.liststatus.result.message.length", T::kInt, "10000", S::kMaster, "Most entries in one message of a listing."},
    {"alluxio.master.persistence.blacklist", T::kString, "/_temporary/,/.hive-staging,/.spark-staging", S::kMaster, "Comma list; a file whose path contains one of them is not persisted until a rename takes it out."},
    {"alluxio.master.ttl.checker.interval", T::kDuration, "1hour", S::kMaster, "How often expired files are looked for."},
    {"alluxio.security.authentication.type", T::kEnum, "SIMPLE", S::kAll, "How clients say who they are.", "SIMPLE|NOSASL"},
    {"alluxio.security.authorization.permission.enabled", T::kBool, "true", S::kMaster, "Check POSIX permissions; not possible with NOSASL."},
    {"alluxio.security.authorization.permission.umask", T::kString, "022", S::kAll, "Umask of new files and directories."},
    {"alluxio.security.authorization.permission.supergroup", T::kString, "supergroup", S::kMaster, "Members may do everything."},
    {"alluxio.security.login.username", T::kString, "", S::kClient, "User name; the operating system's if empty."},
    {"alluxio.underfs.s3.endpoint", T::kString, "", S::kServer, "S3 endpoint URL of a compatible store; AWS if empty."},
    {"alluxio.underfs.s3.region", T::kString, "", S::kServer, "Signing region; if empty: alluxio.underfs.s3.endpoint.region, the endpoint's name, AWS_REGION, AWS_DEFAULT_REGION, ~/.aws/config, us-east-1. What the store answers corrects it."},
    {"alluxio.underfs.s3.endpoint.region", T::kString, "", S::kServer, "Signing region of the endpoint; goes before alluxio.underfs.s3.region where an endpoint is set."},
    {"alluxio.underfs.s3.disable.dns.buckets", T::kBool, "false", S::kServer, "Path-style requests (endpoint/bucket/key) instead of bucket.endpoint/key."},
    {"alluxio.underfs.s3.secure.http.enabled", T::kBool, "true", S::kServer, "TLS when the endpoint names no scheme."},
    {"alluxio.underfs.s3.connection.max", T::kInt, "${alluxio.underfs.s3.threads.max}", S::kServer, "Most pooled connections per process and mount."},
    {"alluxio.underfs.s3.threads.max", T::kInt, "128", S::kServer, "Alluxio's name for alluxio.underfs.s3.connection.max."},
    {"alluxio.underfs.s3.connection.ttl", T::kDuration, "-1", S::kServer, "Age after which a pooled connection is not used again; -1: no limit."},
    {"alluxio.underfs.s3.proxy.host", T::kString, "", S::kServer, "Host of an HTTP proxy to the store; if empty, curl's environment variables (https_proxy, no_proxy) apply."},
    {"alluxio.underfs.s3.proxy.port", T::kInt, "-1", S::kServer, "Port of the proxy; -1: 80."},
    {"alluxio.underfs.s3.max.error.retry", T::kInt, "-1", S::kServer, "Most repeats of one call that failed; -1: as many as spillway.underfs.retry.max.duration allows."},
    {"alluxio.underfs.s3.list.objects.v1", T::kBool, "false", S::kServer, "List by the first version of ListObjects."},
    {"alluxio.underfs.s3.bulk.delete.enabled", T::kBool, "true", S::kServer, "Delete many objects by one request."},
    {"alluxio.underfs.s3.streaming.upload.partition.size", T::kBytes, "64MB", S::kServer, "Alluxio's name for spillway.underfs.multipart.part.size."},
    {"alluxio.underfs.s3.request.timeout", T::kDuration, "1min", S::kServer, "Deadline of one S3 request; data transfers get more by size. 0: a day."},
    {"alluxio.underfs.s3.socket.timeout", T::kDuration, "50sec", S::kServer, "A request fails if nothing moves for so long. 0: a day."},
    {"alluxio.underfs.s3.connect.timeout", T::kDuration, "5sec", S::kServer, "Time to connect to the store."},
    {"alluxio.underfs.s3.list.length", T::kInt, "1000", S::kServer, "Keys asked for in one listing request."},
    {"alluxio.underfs.s3.server.side.encryption.enabled", T::kBool, "false", S::kServer, "Ask for encryption of every object: SSE-S3, or SSE-KMS if spillway.underfs.s3.kms.key is set."},
    {"s3a.accessKeyId", T::kString, "", S::kServer, "S3 access key; empty: environment, web identity, profile file, container or instance metadata."},
    {"s3a.secretKey", T::kString, "", S::kServer, "S3 secret key."},
    {"spillway.underfs.s3.session.token", T::kString, "", S::kServer, "Session token that belongs to s3a.accessKeyId."},
    {"spillway.underfs.s3.conditional.writes", T::kBool, "true", S::kServer, "Publish objects with If-None-Match or If-Match."},
    {"spillway.underfs.s3.checksums", T::kBool, "true", S::kServer, "Send CRC32C with every upload."},
    {"spillway.underfs.s3.ca.file", T::kString, "", S::kServer, "CA bundle for TLS; the system's if empty."},
    {"spillway.underfs.s3.credentials.profile", T::kString, "default", S::kServer, "Profile in ~/.aws/credentials and ~/.aws/config; AWS_PROFILE goes before it."},
    {"spillway.underfs.s3.kms.key", T::kString, "", S::kServer, "Id or ARN of the KMS key that the store encrypts objects with (aws:kms); empty: none."},
    {"spillway.underfs.s3.storage.class", T::kString, "", S::kServer, "Storage class of new objects, for example STANDARD_IA; the bucket's default if empty."},
    {"spillway.underfs.s3.copy.timeout", T::kDuration, "10min", S::kServer, "Longest wait for the answer to one copy request."},
    {"spillway.underfs.s3.complete.timeout", T::kDuration, "10min", S::kServer, "Longest wait for the answer to the completion of a multipart upload."},
    {"spillway.underfs.s3.copy.single.max", T::kBytes, "1GB", S::kServer, "Objects up to this size are copied by one request, larger ones in parts; at most 5GB."},
    {"spillway.underfs.s3.copy.part.size", T::kBytes, "256MB", S::kServer, "Size of a copied part, 5MB to 5GB."},
    {"spillway.underfs.s3.probe.enabled", T::kBool, "true", S::kServer, "Find out by some requests at a mount what the store can do."},
    {"spillway.underfs.s3.profile", T::kString, "", S::kServer, "What the store is known to be able to do; the master hands it to workers. Not to be set by hand: spillway.underfs.s3.feature keys go before it."},
    {"spillway.underfs.s3.feature.put-if-absent", T::kEnum, "", S::kServer, "Whether the store heeds If-None-Match: * of a PUT; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.put-if-match", T::kEnum, "", S::kServer, "Whether the store heeds If-Match of a PUT; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.complete-conditions", T::kEnum, "", S::kServer, "Whether the store heeds both when a multipart upload is completed; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.copy-conditions", T::kEnum, "", S::kServer, "Whether the store heeds both on the target of a copy; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.delete-if-match", T::kEnum, "", S::kServer, "Whether the store heeds If-Match of a DELETE; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.multi-delete", T::kEnum, "", S::kServer, "Whether the store deletes many objects by one request; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.multi-delete-if-match", T::kEnum, "", S::kServer, "Whether the store heeds an ETag for each key of such a request; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.get-if-match", T::kEnum, "", S::kServer, "Whether the store heeds If-Match of a GET; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.get-range", T::kEnum, "", S::kServer, "Whether the store heeds Range of a GET; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.list-v2", T::kEnum, "", S::kServer, "Whether the store has the second version of ListObjects; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.checksums", T::kEnum, "", S::kServer, "Whether the store checks CRC32C checksums and gives them back; found out if empty.", "true|false"},
    {"spillway.underfs.s3.feature.copy-part", T::kEnum, "", S::kServer, "Whether the store copies parts of objects into multipart uploads; found out if empty.", "true|false"},
    {"spillway.underfs.multipart.part.size", T::kBytes, "${alluxio.underfs.s3.streaming.upload.partition.size}", S::kServer, "Files up to this size go up in one PUT, larger ones in parts of about it."},
    {"spillway.underfs.retry.max.duration", T::kDuration, "30sec", S::kServer, "Longest retrying of one understore call before its caller hears of it."},
    {"spillway.master.persist.jobs.max", T::kInt, "512", S::kMaster, "Uploads under way in the cluster."},
    {"spillway.master.persist.retry.interval.max", T::kDuration, "30sec", S::kMaster, "Cap of the back-off between attempts to persist a file."},
    {"spillway.worker.ack.durability", T::kString, "PAGE_CACHE", S::kWorker, "What a committed block means, a comma list with one entry a tier (the last for the rest): MEMORY (in the process), PAGE_CACHE (the kernel's memory, tmpfs) or FSYNC (on the device)."},
    {"spillway.worker.scrub.bandwidth", T::kBytes, "20MB", S::kWorker, "Bytes a second that are read again and compared with their checksums in the background; 0: none."},
    {"spillway.worker.folder.probe.interval", T::kDuration, "10sec", S::kWorker, "Time between two looks at the storage folders: each one's state, and files that could not be read or removed."},
    {"spillway.worker.write.wait.max", T::kDuration, "5min", S::kWorker, "Longest wait of a write for room that unpersisted blocks take."},
    {"spillway.stop.grace", T::kDuration, "3sec", S::kServer, "How long a process that is told to stop gives to what is under way; half of it to calls as they are, the rest to answering them. What remains is cut, a second later."},
    {"spillway.worker.stop.grace", T::kDuration, "10sec", S::kWorker, "After SIGTERM a worker waits this long until what it alone holds is persisted or copied."},
    {"spillway.master.persist.marker.patterns", T::kString, "_SUCCESS,_metadata,_common_metadata,_delta_log/*.json,metadata/*.metadata.json,metadata/version-hint.text", S::kMaster, "Comma list of globs of the last components of a path; such a commit marker is persisted after everything completed before it below the folder in which the pattern begins."},
    {"spillway.master.persist.bandwidth", T::kBytes, "0", S::kMaster, "Most bytes a second that the cluster uploads; 0: no limit."},
    {"spillway.master.replication.bytes.in.flight", T::kBytes, "256MB", S::kMaster, "Most bytes on their way to one worker to make lost copies again."},
    {"spillway.master.replication.jobs.max", T::kInt, "32", S::kMaster, "Most copies made at a time to or from one worker."},
    {"spillway.master.audit.interval", T::kDuration, "1min", S::kMaster, "How often the copies of all files that want any are counted, besides what events bring up."},
    {"spillway.master.incomplete.file.lease", T::kDuration, "4hour", S::kMaster, "An incomplete file that nobody writes for this long is deleted; 0: never."},
    {"spillway.underfs.unknown.outcome.wait", T::kDuration, "10min", S::kMaster, "How long a call to the store that was never answered may still have its effect: the key is looked at until then, and no other content is written there if the store has no conditions."},
    {"spillway.master.upload.fence", T::kDuration, "5sec", S::kMaster, "How long after a worker's loss an upload that it had begun may still arrive at the store; its key gets no other content before."},
    {"spillway.master.backlog.soft.percent", T::kInt, "70", S::kMaster, "Unpersisted bytes in percent of capacity above which new blocks are slowed down."},
    {"spillway.master.backlog.hard.percent", T::kInt, "90", S::kMaster, "Unpersisted bytes in percent of capacity above which new blocks wait; Spillway's own client then writes through to the store."},
    {"spillway.master.backlog.wait.max", T::kDuration, "10min", S::kMaster, "Longest wait of a new block for room; it fails then."},
    {"spillway.master.dirty.bytes.max", T::kBytes, "0", S::kMaster, "Most unpersisted bytes of user data in the cluster; 0: as much as fits."},
    {"spillway.master.dirty.bytes.max.paths", T::kString, "", S::kMaster, "Comma list path=size: most unpersisted bytes below each path."},
    {"spillway.rpc.connections.max", T::kInt, "0", S::kServer, "Most open connections to the RPC port; 0: half of the files that the process may open, at most 16384. At the limit a new one takes the place of the oldest on which nobody has logged in."},
    {"spillway.rpc.connections.per.host.max", T::kInt, "0", S::kServer, "Most of them from one address; 0: three quarters."},
    {"spillway.rpc.connection.calls.max", T::kInt, "4096", S::kServer, "Most calls at a time on one connection; a client waits with more of them. Logins are calls that last."},
    {"spillway.rpc.login.timeout", T::kDuration, "30sec", S::kServer, "A connection on which nobody has logged in by then is closed; 0: never. With NOSASL there are no logins, and none is."},
    {"spillway.rpc.message.size.max", T::kBytes, "32MB", S::kServer, "Longest message that is taken; longer ones fail their call. Data comes in pieces, of 1MB unless a client's alluxio.user.streaming.writer.chunk.size.bytes says more."},
    {"spillway.rpc.buffers.max", T::kBytes, "1GB", S::kServer, "Bytes in the buffers of all connections above which gRPC shrinks windows and then ends calls; 0: no limit."},
    {"spillway.log.level", T::kEnum, "info", S::kAll, "Least severity that is logged.", "trace|debug|info|warn|error"},
    {"alluxio.work.dir", T::kString, "run", S::kServer, "Where state goes unless another key says so."},
    {"alluxio.logs.dir", T::kString, "", S::kServer, "Folder of log files; stderr if empty."},
    {"alluxio.worker.hostname", T::kString, "", S::kWorker, "Host that clients use to reach the worker; its host name if empty."},
    {"alluxio.worker.bind.host", T::kString, "", S::kWorker, "Address the worker listens on; its host name if empty."},
    {"alluxio.worker.rpc.port", T::kInt, "29999", S::kWorker, "The worker's data port."},
    {"alluxio.worker.web.port", T::kInt, "30000", S::kWorker, "Port of /metrics and /healthz; 0 turns them off."},
    {"alluxio.worker.ramdisk.size", T::kBytes, "1GB", S::kWorker, "Quota of tier 0 unless its own key is set."},
    {"alluxio.worker.block.heartbeat.interval", T::kDuration, "1sec", S::kWorker, "Time between heartbeats."},
    {"alluxio.worker.tieredstore.levels", T::kInt, "1", S::kWorker, "Number of storage tiers, 1 to 3."},
    {"alluxio.worker.tieredstore.level0.alias", T::kString, "MEM", S::kWorker, "Name of tier 0."},
    {"alluxio.worker.tieredstore.level0.dirs.path", T::kString, "/dev/shm", S::kWorker, "Comma list of tier 0's folders."},
    {"alluxio.worker.tieredstore.level0.dirs.quota", T::kString, "${alluxio.worker.ramdisk.size}", S::kWorker, "Comma list of sizes, one a folder (or one for all)."},
    {"alluxio.worker.tieredstore.level1.alias", T::kString, "SSD", S::kWorker, "Name of tier 1."},
    {"alluxio.worker.tieredstore.level1.dirs.path", T::kString, "", S::kWorker, "Comma list of tier 1's folders."},
    {"alluxio.worker.tieredstore.level1.dirs.quota", T::kString, "", S::kWorker, "Comma list of sizes."},
    {"alluxio.worker.tieredstore.level2.alias", T::kString, "HDD", S::kWorker, "Name of tier 2."},
    {"alluxio.worker.tieredstore.level2.dirs.path", T::kString, "", S::kWorker, "Comma list of tier 2's folders."},
    {"alluxio.worker.tieredstore.level2.dirs.quota", T::kString, "", S::kWorker, "Comma list of sizes."},
    {"alluxio.worker.tieredstore.high.watermark.percent", T::kInt, "95", S::kWorker, "Clean blocks are evicted in the background above this filling."},
    {"alluxio.worker.tieredstore.low.watermark.percent", T::kInt, "85", S::kWorker, "Eviction stops below this filling."},
    {"alluxio.locality.rack", T::kString, "", S::kAll, "Rack of this host."},
    {"alluxio.locality.zone", T::kString, "", S::kAll, "Zone of this host."},
    {"alluxio.user.block.size.bytes.default", T::kBytes, "64MB", S::kClient, "Block size of new files."},
    {"alluxio.user.file.writetype.default", T::kEnum, "ASYNC_THROUGH", S::kClient, "Write type of new files.", "MUST_CACHE|CACHE_THROUGH|THROUGH|ASYNC_THROUGH"},
    {"alluxio.user.file.replication.durable", T::kInt, "1", S::kClient, "Copies written before an ASYNC_THROUGH file is acknowledged."},
    {"alluxio.user.file.replication.min", T::kInt, "0", S::kClient, "Copies kept at least, persisted or not."},
    {"alluxio.user.file.replication.max", T::kInt, "-1", S::kClient, "Copies kept at most; -1: no limit."},
    {"alluxio.user.file.persistence.initial.wait.time", T::kDuration, "0", S::kClient, "Delay of the first attempt to persist; -1: only on request."},
    {"alluxio.user.file.persist.on.rename", T::kBool, "false", S::kClient, "Rename asks for what it moves to be persisted."},
    {"alluxio.user.file.metadata.sync.interval", T::kDuration, "-1", S::kAll, "How old what is known of the understore may be: -1 any age, 0 compares at every access. What clients send goes before what the master has."},
    {"alluxio.user.file.create.ttl", T::kDuration, "-1", S::kClient, "Time to live of new files, and of those that the client's own calls bring into the namespace from the store; -1: none."},
    {"alluxio.user.rpc.retry.max.duration", T::kDuration, "2min", S::kClient, "How long a client retries a master that is away."},
    {"spillway.user.copy.threads", T::kInt, "8", S::kClient, "Files copied at a time by copyFromLocal and copyToLocal."},
    {"spillway.user.data.timeout", T::kDuration, "30sec", S::kClient, "Longest wait for progress of a data stream."},
};
// clang-format on

std::vector<PropertyKey> SortedKeys() {
  std::vector<PropertyKey> keys(std::begin(kKeys), std::end(kKeys));
  std::sort(keys.begin(), keys.end(), [](const PropertyKey& a, const PropertyKey& b) {
    return std::string_view(a.name) < b.name;
  });
  return keys;
}

// "alluxio.underfs.s3a.x" stands for "alluxio.underfs.s3.x" and so on.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"alluxio.underfs.s3a.inherit_acl", "alluxio.underfs.s3.inherit.acl"},
    {"alluxio.underfs.s3a.request.timeout.ms", "alluxio.underfs.s3.request.timeout"},
    {"alluxio.underfs.s3a.socket.timeout.ms", "alluxio.underfs.s3.socket.timeout"},
    {"aws.accessKeyId", "s3a.accessKeyId"},
    {"aws.secretKey", "s3a.secretKey"},
};
constexpr std::string_view kOldS3Prefix = "alluxio.underfs.s3a.";

}  // namespace

std::string CanonicalPropertyName(std::string_view name) {
  for (const auto& [alias, key] : kAliases) {
    if (alias == name) return std::string(key);
  }
  if (name.rfind(kOldS3Prefix, 0) == 0)
    return "alluxio.underfs.s3." + std::string(name.substr(kOldS3Prefix.size()));
  return std::string(name);
}

std::span<const PropertyKey> AllPropertyKeys() {
  static const std::vector<PropertyKey> keys = SortedKeys();
  return keys;
}

}  // namespace spillway
