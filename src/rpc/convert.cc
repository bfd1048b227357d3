#include "rpc/convert.h"

namespace spillway {
namespace {

wire::Bits ToBits(int bits) { return static_cast<wire::Bits>((bits & 7) + 1); }
int FromBits(wire::Bits bits) { return static_cast<int>(bits) - 1; }

WriteType ToWriteType(fswire::WritePType type) {
  switch (type) {
    case fswire::CACHE_THROUGH:
      return WriteType::kCacheThrough;
    case fswire::THROUGH:
      return WriteType::kThrough;
    case fswire::ASYNC_THROUGH:
      return WriteType::kAsyncThrough;
    default:
      return WriteType::kMustCache;
  }
}

fswire::WritePType FromWriteType(WriteType type) {
  switch (type) {
    case WriteType::kMustCache:
      return fswire::MUST_CACHE;
    case WriteType::kCacheThrough:
      return fswire::CACHE_THROUGH;
    case WriteType::kThrough:
      return fswire::THROUGH;
    case WriteType::kAsyncThrough:
      return fswire::ASYNC_THROUGH;
  }
  return fswire::MUST_CACHE;
}

void FillOperationId(const std::optional<OperationId>& id,
                     fswire::FileSystemMasterCommonPOptions* out) {
  if (!id) return;
  out->mutable_operationid()->set_mostsignificantbits(static_cast<int64_t>(id->most_significant));
  out->mutable_operationid()->set_leastsignificantbits(static_cast<int64_t>(id->least_significant));
}

}  // namespace

fswire::PAclEntry FromAclEntry(const AclEntry& entry) {
  fswire::PAclEntry out;
  out.set_type(static_cast<fswire::PAclEntryType>(entry.type));
  out.set_subject(entry.subject);
  out.set_isdefault(entry.is_default);
  if ((entry.bits & 4) != 0) out.add_actions(fswire::Read);
  if ((entry.bits & 2) != 0) out.add_actions(fswire::Write);
  if ((entry.bits & 1) != 0) out.add_actions(fswire::Execute);
  return out;
}

AclEntry ToAclEntry(const fswire::PAclEntry& entry) {
  AclEntry out{static_cast<AclEntryType>(entry.type()), entry.subject(), 0, entry.isdefault()};
  for (const int action : entry.actions()) {
    out.bits |= action == fswire::Read ? 4 : action == fswire::Write ? 2 : 1;
  }
  return out;
}

// The mode says what the entries of owner, group and others would.
void FillAcls(const FileStatus& status, fswire::FileInfo* out) {
  auto* acl = out->mutable_acl();
  acl->set_owner(status.owner);
  acl->set_owninggroup(status.group);
  acl->set_mode(status.mode);
  acl->set_isdefault(false);
  acl->clear_entries();
  for (const AclEntry& entry : status.acl) *acl->add_entries() = FromAclEntry(entry);
  if (status.default_acl.empty()) return;
  auto* defaults = out->mutable_defaultacl();
  defaults->set_owner(status.owner);
  defaults->set_owninggroup(status.group);
  defaults->set_isdefault(true);
  defaults->set_isdefaultempty(false);
  defaults->clear_entries();
  int mode = 0;
  for (const AclEntry& entry : status.default_acl) {
    switch (entry.type) {
      case AclEntryType::kOwner:
        mode |= entry.bits << 6;
        break;
      case AclEntryType::kOwningGroup:
        mode |= entry.bits << 3;
        break;
      case AclEntryType::kOther:
        mode |= entry.bits;
        break;
      default:
        *defaults->add_entries() = FromAclEntry(entry);
    }
  }
  defaults->set_mode(mode);
}

int ToMode(const wire::PMode& mode) {
  return FromBits(mode.ownerbits()) << 6 | FromBits(mode.groupbits()) << 3 |
         FromBits(mode.otherbits());
}

wire::PMode FromMode(int mode) {
  wire::PMode out;
  out.set_ownerbits(ToBits(mode >> 6));
  out.set_groupbits(ToBits(mode >> 3));
  out.set_otherbits(ToBits(mode));
  return out;
}

// Clients compare addresses field by field: the same worker always gives the same bytes.
void FillAddress(const WorkerAddress& address, wire::WorkerNetAddress* out) {
  out->set_host(address.host);
  out->set_containerhost("");
  out->set_rpcport(address.data_port);
  out->set_dataport(address.data_port);
  out->set_webport(address.web_port);
  out->set_domainsocketpath("");
  auto* node = out->mutable_tieredidentity()->add_tiers();
  node->set_tiername("node");
  node->set_value(address.host);
  auto* rack = out->mutable_tieredidentity()->add_tiers();
  rack->set_tiername("rack");
  if (!address.rack.empty()) rack->set_value(address.rack);
}

WorkerAddress ToAddress(const wire::WorkerNetAddress& address) {
  WorkerAddress out;
  out.host = address.host();
  out.data_port = address.dataport();
  out.web_port = address.webport();
  for (const auto& tier : address.tieredidentity().tiers()) {
    if (tier.tiername() == "rack") out.rack = tier.value();
  }
  return out;
}

void FillBlockInfo(const BlockInfo& info, wire::BlockInfo* out) {
  out->set_blockid(info.id.value());
  out->set_length(info.length_bytes);
  for (const BlockLocation& location : info.locations) {
    auto* to = out->add_locations();
    to->set_workerid(location.worker_id.value());
    FillAddress(location.address, to->mutable_workeraddress());
    to->set_tieralias(location.tier_alias);
    to->set_mediumtype(location.tier_alias);
  }
}

BlockInfo ToBlockInfo(const wire::BlockInfo& info) {
  BlockInfo out;
  out.id = BlockId(info.blockid());
  out.length_bytes = info.length();
  for (const auto& location : info.locations()) {
    out.locations.push_back(
        {WorkerId(location.workerid()), ToAddress(location.workeraddress()), location.tieralias()});
  }
  return out;
}

void FillFileInfo(const FileStatus& status, fswire::FileInfo* out) {
  out->set_fileid(status.id.value());
  out->set_name(status.name);
  out->set_path(status.path);
  out->set_ufspath(status.understore_path);
  out->set_length(status.length_bytes);
  out->set_blocksizebytes(status.block_size_bytes);
  out->set_creationtimems(status.creation_time_ms);
  out->set_completed(status.completed);
  out->set_folder(status.is_directory);
  out->set_pinned(status.pinned);
  out->set_cacheable(status.cacheable);
  out->set_persisted(status.persistence_state == PersistenceState::kPersisted);
  out->set_lastmodificationtimems(status.last_modification_time_ms);
  out->set_lastaccesstimems(status.last_access_time_ms);
  out->set_ttl(status.ttl_ms);
  out->set_ttlaction(static_cast<wire::TtlAction>(status.ttl_action));
  out->set_owner(status.owner);
  out->set_group(status.group);
  out->set_mode(status.mode);
  out->set_persistencestate(PersistenceStateName(status.persistence_state));
  out->set_mountpoint(status.mount_point);
  out->set_mountid(status.mount_id.value());
  out->set_inalluxiopercentage(status.in_cluster_percentage);
  out->set_inmemorypercentage(status.in_memory_percentage);
  out->set_ufsfingerprint(status.etag);
  out->set_replicationmax(status.replication_max);
  out->set_replicationmin(status.replication_min);
  for (const auto& [name, value] : status.xattr) (*out->mutable_xattr())[name] = value;
  if (!status.acl.empty() || !status.default_acl.empty()) FillAcls(status, out);
  int64_t offset = 0;
  for (const BlockInfo& block : status.blocks) {
    out->add_blockids(block.id.value());
    auto* info = out->add_fileblockinfos();
    FillBlockInfo(block, info->mutable_blockinfo());
    info->set_offset(offset);
    offset += status.block_size_bytes;
  }
}

FileStatus ToFileStatus(const fswire::FileInfo& info) {
  FileStatus out;
  out.id = InodeId(info.fileid());
  out.name = info.name();
  out.path = info.path();
  out.understore_path = info.ufspath();
  out.length_bytes = info.length();
  out.block_size_bytes = info.blocksizebytes();
  out.creation_time_ms = info.creationtimems();
  out.last_modification_time_ms = info.lastmodificationtimems();
  out.last_access_time_ms = info.lastaccesstimems();
  out.completed = info.completed();
  out.is_directory = info.folder();
  out.pinned = info.pinned();
  out.cacheable = info.cacheable();
  out.mount_point = info.mountpoint();
  out.owner = info.owner();
  out.group = info.group();
  out.mode = info.mode();
  for (const auto state : {PersistenceState::kNotPersisted, PersistenceState::kToBePersisted,
                           PersistenceState::kPersisted, PersistenceState::kLost}) {
    if (info.persistencestate() == PersistenceStateName(state)) out.persistence_state = state;
  }
  out.mount_id = MountId(info.mountid());
  out.ttl_ms = info.has_ttl() ? info.ttl() : -1;
  out.ttl_action = static_cast<TtlAction>(info.ttlaction());
  out.replication_min = info.replicationmin();
  out.replication_max = info.replicationmax();
  out.etag = info.ufsfingerprint();
  out.in_cluster_percentage = info.inalluxiopercentage();
  out.in_memory_percentage = info.inmemorypercentage();
  out.xattr.insert(info.xattr().begin(), info.xattr().end());
  for (const auto& entry : info.acl().entries()) out.acl.push_back(ToAclEntry(entry));
  if (info.has_defaultacl() && !info.defaultacl().isdefaultempty()) {
    const int mode = info.defaultacl().mode();
    for (const auto& [type, shift] : {std::pair{AclEntryType::kOwner, 6},
                                      {AclEntryType::kOwningGroup, 3},
                                      {AclEntryType::kOther, 0}})
      out.default_acl.push_back({type, "", mode >> shift & 7, true});
    for (const auto& entry : info.defaultacl().entries())
      out.default_acl.push_back(ToAclEntry(entry));
  }
  for (const auto& block : info.fileblockinfos())
    out.blocks.push_back(ToBlockInfo(block.blockinfo()));
  return out;
}

void FillWorkerInfo(const WorkerInfo& info, blockwire::WorkerInfo* out) {
  out->set_id(info.id.value());
  FillAddress(info.address, out->mutable_address());
  out->set_lastcontactsec(static_cast<int32_t>(info.last_contact_ms_ago / 1000));
  out->set_state(info.state == WorkerState::kLive   ? "ACTIVE"
                 : info.state == WorkerState::kLost ? "LOST"
                                                    : "DECOMMISSIONED");
  out->set_capacitybytes(info.capacity_bytes());
  out->set_usedbytes(info.used_bytes());
  out->set_starttimems(info.start_time_ms);
  for (const TierUsage& tier : info.tiers) {
    (*out->mutable_capacitybytesontiers())[tier.alias] = tier.capacity_bytes;
    (*out->mutable_usedbytesontiers())[tier.alias] = tier.used_bytes;
  }
  out->mutable_buildversion()->set_version(kAlluxioVersion);
  out->mutable_buildversion()->set_revision("spillway");
}

WorkerInfo ToWorkerInfo(const blockwire::WorkerInfo& info) {
  WorkerInfo out;
  out.id = WorkerId(info.id());
  out.address = ToAddress(info.address());
  out.state = info.state() == "LOST" ? WorkerState::kLost : WorkerState::kLive;
  out.start_time_ms = info.starttimems();
  out.last_contact_ms_ago = info.lastcontactsec() * 1000LL;
  std::map<std::string, TierUsage> tiers;
  for (const auto& [alias, bytes] : info.capacitybytesontiers()) tiers[alias] = {alias, bytes, 0};
  for (const auto& [alias, bytes] : info.usedbytesontiers()) tiers[alias].used_bytes = bytes;
  for (const char* alias : {"MEM", "SSD", "HDD"}) {
    if (const auto it = tiers.find(alias); it != tiers.end()) out.tiers.push_back(it->second);
  }
  for (const auto& [alias, tier] : tiers) {
    if (alias != "MEM" && alias != "SSD" && alias != "HDD") out.tiers.push_back(tier);
  }
  return out;
}

std::optional<OperationId> ToOperationId(const fswire::FileSystemMasterCommonPOptions& options) {
  if (!options.has_operationid()) return std::nullopt;
  return OperationId{static_cast<uint64_t>(options.operationid().mostsignificantbits()),
                     static_cast<uint64_t>(options.operationid().leastsignificantbits())};
}

CreateFileOptions ToOptions(const fswire::CreateFilePOptions& options) {
  CreateFileOptions out;
  if (options.has_blocksizebytes()) out.block_size_bytes = options.blocksizebytes();
  out.recursive = options.recursive();
  out.overwrite = options.overwrite();
  if (options.has_mode()) out.mode = ToMode(options.mode());
  out.replication_min = options.replicationmin();
  if (options.has_replicationmax()) out.replication_max = options.replicationmax();
  out.durable_replicas = std::max(1, options.replicationdurable());
  out.write_type = ToWriteType(options.writetype());
  out.persistence_wait_time_ms = options.persistencewaittime();
  if (options.commonoptions().has_ttl()) out.ttl_ms = options.commonoptions().ttl();
  if (options.commonoptions().has_ttlaction())
    out.ttl_action = static_cast<TtlAction>(options.commonoptions().ttlaction());
  out.xattr.insert(options.xattr().begin(), options.xattr().end());
  out.operation_id = ToOperationId(options.commonoptions());
  return out;
}

void FillOptions(const CreateFileOptions& options, fswire::CreateFilePOptions* out) {
  out->set_blocksizebytes(options.block_size_bytes);
  out->set_recursive(options.recursive);
  out->set_overwrite(options.overwrite);
  *out->mutable_mode() = FromMode(options.mode);
  out->set_replicationmin(options.replication_min);
  out->set_replicationmax(options.replication_max);
  out->set_replicationdurable(options.durable_replicas);
  out->set_writetype(FromWriteType(options.write_type));
  out->set_persistencewaittime(options.persistence_wait_time_ms);
  out->mutable_commonoptions()->set_ttl(options.ttl_ms);
  out->mutable_commonoptions()->set_ttlaction(static_cast<wire::TtlAction>(options.ttl_action));
  FillOperationId(options.operation_id, out->mutable_commonoptions());
}

CompleteFileOptions ToOptions(const fswire::CompleteFilePOptions& options) {
  CompleteFileOptions out;
  if (options.has_ufslength()) out.understore_length = options.ufslength();
  out.persist = options.has_asyncpersistoptions();
  out.persistence_wait_time_ms = options.asyncpersistoptions().persistencewaittime();
  out.operation_id = ToOperationId(options.commonoptions());
  return out;
}

CreateDirectoryOptions ToOptions(const fswire::CreateDirectoryPOptions& options) {
  CreateDirectoryOptions out;
  out.recursive = options.recursive();
  out.allow_exists = options.allowexists();
  if (options.has_mode()) out.mode = ToMode(options.mode());
  out.write_type = ToWriteType(options.writetype());
  if (options.commonoptions().has_ttl()) out.ttl_ms = options.commonoptions().ttl();
  if (options.commonoptions().has_ttlaction())
    out.ttl_action = static_cast<TtlAction>(options.commonoptions().ttlaction());
  out.xattr.insert(options.xattr().begin(), options.xattr().end());
  out.operation_id = ToOperationId(options.commonoptions());
  return out;
}

void FillOptions(const CreateDirectoryOptions& options, fswire::CreateDirectoryPOptions* out) {
  out->set_recursive(options.recursive);
  out->set_allowexists(options.allow_exists);
  *out->mutable_mode() = FromMode(options.mode);
  out->set_writetype(FromWriteType(options.write_type));
  out->mutable_commonoptions()->set_ttl(options.ttl_ms);
  FillOperationId(options.operation_id, out->mutable_commonoptions());
}

RemoveOptions ToOptions(const fswire::DeletePOptions& options) {
  RemoveOptions out;
  out.recursive = options.recursive();
  out.alluxio_only = options.alluxioonly();
  out.unchecked = options.unchecked();
  out.delete_mount_point = options.deletemountpoint();
  out.operation_id = ToOperationId(options.commonoptions());
  return out;
}

SetAttributeOptions ToOptions(const fswire::SetAttributePOptions& options) {
  SetAttributeOptions out;
  if (options.has_pinned()) out.pinned = options.pinned();
  if (options.has_owner()) out.owner = options.owner();
  if (options.has_group()) out.group = options.group();
  if (options.has_mode()) out.mode = ToMode(options.mode());
  out.recursive = options.recursive();
  if (options.has_replicationmin()) out.replication_min = options.replicationmin();
  if (options.has_replicationmax()) out.replication_max = options.replicationmax();
  if (options.commonoptions().has_ttl()) out.ttl_ms = options.commonoptions().ttl();
  if (options.commonoptions().has_ttlaction())
    out.ttl_action = static_cast<TtlAction>(options.commonoptions().ttlaction());
  if (!options.xattr().empty()) {
    out.set_xattr = true;
    out.xattr.insert(options.xattr().begin(), options.xattr().end());
    using Strategy = SetAttributeOptions::XattrStrategy;
    switch (options.xattrupdatestrategy()) {
      case alluxio::proto::journal::UNION_REPLACE:
        out.xattr_strategy = Strategy::kUnionReplace;
        break;
      case alluxio::proto::journal::UNION_PRESERVE:
        out.xattr_strategy = Strategy::kUnionPreserve;
        break;
      case alluxio::proto::journal::DELETE_KEYS:
        out.xattr_strategy = Strategy::kDeleteKeys;
        break;
      default:
        break;
    }
  }
  out.operation_id = ToOperationId(options.commonoptions());
  return out;
}

void FillOptions(const SetAttributeOptions& options, fswire::SetAttributePOptions* out) {
  if (options.pinned) out->set_pinned(*options.pinned);
  if (options.owner) out->set_owner(*options.owner);
  if (options.group) out->set_group(*options.group);
  if (options.mode) *out->mutable_mode() = FromMode(*options.mode);
  out->set_recursive(options.recursive);
  if (options.replication_min) out->set_replicationmin(*options.replication_min);
  if (options.replication_max) out->set_replicationmax(*options.replication_max);
  if (options.ttl_ms) out->mutable_commonoptions()->set_ttl(*options.ttl_ms);
  if (options.ttl_action)
    out->mutable_commonoptions()->set_ttlaction(static_cast<wire::TtlAction>(*options.ttl_action));
  FillOperationId(options.operation_id, out->mutable_commonoptions());
}

std::optional<UnderStoreRange> ToRange(
    const alluxio::proto::dataserver::OpenUfsBlockOptions& options) {
  if (!options.has_ufs_path()) return std::nullopt;
  UnderStoreRange range;
  range.mount_id = MountId(options.mountid());
  range.uri = options.ufs_path();
  if (range.uri.rfind("file://", 0) == 0) range.uri = range.uri.substr(7);
  range.offset_in_file = options.offset_in_file();
  range.block_length_bytes = options.block_size();
  range.no_cache = options.no_cache();
  return range;
}

}  // namespace spillway
