// What strangers say: names and numbers that cannot be, to masters, workers and by way of the
// store. Whoever hears them refuses, and nothing comes of it.
#include "common/checked.h"
#include "common/names.h"
#include "common/path.h"
#include "sim/simulation.h"

namespace spillway::sim {
namespace {

constexpr int64_t kNumbers[] = {-1,        INT64_MIN,     INT64_MIN + 1, -999'999'940'000'000,
                                INT64_MAX, INT64_MAX - 1, kBytesMax + 1};
constexpr uint64_t kNoJob = uint64_t{1} << 62;
// Of no file that there will be: containers are counted from 0.
constexpr int64_t kNoBlock = int64_t{1} << 61;

std::string Name(Random& random) {
  switch (random.Below(9)) {
    case 0:
      return "\xff\xfe";
    case 1:
      return std::string("a\0b", 3);
    case 2:
      return "\xed\xa0\x80";  // half of a pair
    case 3:
      return "\xc0\xaf";  // "/" in a form that is too long
    case 4:
      return std::string(kNameBytesMax + 1, 'n');
    case 5:
      return "..";
    case 6:
      return ".";
    case 7:
      return "ends early \xe2\x82";
    default:
      return "\xf4\x90\x80\x80";  // beyond the last code point
  }
}

}  // namespace

std::string Simulation::OddName(const std::string& name) {
  return name + " \n\x7f\xe2\x80\xae%2F\xf0\x9f\x98\x80";
}

bool Simulation::CanBeNamed(const std::string& key) {
  const auto path = NormalizePath("/" + key);
  return path.ok() && *path == "/" + key && CheckNewPath(*path).ok();
}

std::string Simulation::UnnameableKey() {
  static constexpr const char* kFolders[] = {"", "d/", "n/", "e/"};
  const std::string folder = kFolders[hostile_.Below(4)];
  switch (hostile_.Below(8)) {
    case 0:
      return folder + "/x";
    case 1:
      return folder + "back\\slash";
    default:
      return folder + Name(hostile_);
  }
}

int64_t Simulation::NoNumber() { return kNumbers[hostile_.Below(std::size(kNumbers))]; }

void Simulation::Hostile() {
  Node& node = *nodes_[hostile_.Below(kWorkers)];
  ++tally_->hostile;
  switch (hostile_.Below(4)) {
    case 0:
      return HostileCall();
    case 1:
      return HostileReport(node);
    case 2:
      if (node.worker != nullptr) HostileCommand(node);
      return;
    default:
      if (node.worker != nullptr) HostileWrite(node);
  }
}

void Simulation::HostileCall() {
  const LogIndex before = journal_->last_index();
  const std::string path = files_.empty() ? "/d/h" : files_.begin()->first;
  Status status;
  CreateFileOptions create;
  create.recursive = create.overwrite = true;
  SetAttributeOptions set;
  const uint64_t what = hostile_.Below(9);
  if (what == 0) create.block_size_bytes = NoNumber();
  if (what == 1) create.replication_min = hostile_.Below(2) == 0 ? -1 : INT32_MAX;
  if (what == 2) create.durable_replicas = INT32_MAX;
  if (what == 3) create.mode = hostile_.Below(2) == 0 ? -1 : INT32_MAX;
  if (what == 4) set.replication_min = hostile_.Below(2) == 0 ? INT32_MIN : INT32_MAX;
  if (what == 5) set.mode = -1;
  switch (what) {
    case 0:
    case 1:
    case 2:
    case 3:
      status = master_->CreateFile(root_, path, create).result.status();
      break;
    case 4:
    case 5:
      status = master_->SetAttribute(root_, path, set).result.status();
      break;
    case 6:
      status = master_->GetBlockInfo(BlockId(NoNumber())).result.status();
      break;
    case 7:
      status = master_->GetFilePath(InodeId(NoNumber())).result.status();
      break;
    default: {
      // As the door of the master's service has it.
      const auto named = NormalizePath("/d/" + Name(hostile_));
      if (named.ok() && IsWithin("/d", *named)) return;
      status = named.status();
    }
  }
  if (status.ok()) Violation("an absurd call was carried out");
  if (journal_->last_index() != before) Violation("a refused call has changed something");
}

session::WorkerMessage Simulation::HostileResult() {
  session::WorkerMessage message;
  if (hostile_.Below(2) == 0) {
    auto* result = message.mutable_persist_result();
    result->set_job_id(kNoJob + hostile_.Below(1000));
    result->set_part_number(hostile_.Below(2) == 0 ? UINT32_MAX : 0);
    result->set_code(static_cast<int>(hostile_.Below(3)) * 500);
    result->set_etag(Name(hostile_));
    result->set_duration_ms(NoNumber());
  } else {
    auto* result = message.mutable_replicate_result();
    result->set_block_id(static_cast<uint64_t>(NoNumber()));
    result->set_copied_from(static_cast<uint64_t>(NoNumber()));
    result->set_code(-7);
    result->add_bad_holders()->set_host(Name(hostile_));
  }
  return message;
}

void Simulation::HostileReport(Node& node) {
  if (node.worker == nullptr || !node.connected) return;
  session::WorkerMessage message;
  const auto report = [this](session::BlockReport* block) {
    block->set_block_id(begun_blocks_.empty() || hostile_.Below(4) == 0
                            ? static_cast<uint64_t>(NoNumber())
                            : static_cast<uint64_t>(begun_blocks_.begin()->value()));
    block->set_length_bytes(NoNumber());
    block->set_crc_known(true);
  };
  switch (hostile_.Below(11)) {
    case 0: {
      session::BlockReport block;
      report(&block);
      if (master_->CommitBlock(node.session, block).ok())
        Violation(fmt::format("a block of {} bytes was committed", block.length_bytes()));
      return;
    }
    case 1:
      report(message.mutable_blocks_held()->add_blocks());
      break;
    case 2: {
      auto* tier = message.mutable_heartbeat()->add_tiers();
      tier->set_alias(Name(hostile_));
      tier->set_capacity_bytes(NoNumber());
      tier->set_used_bytes(NoNumber());
      tier->set_pinned_bytes(NoNumber());
      message.mutable_heartbeat()->set_sequence(UINT64_MAX);
      message.mutable_heartbeat()->add_writing_block_ids(static_cast<uint64_t>(NoNumber()));
      break;
    }
    case 3:
      message.mutable_blocks_removed()->add_block_ids(static_cast<uint64_t>(NoNumber()));
      break;
    case 4:
    case 5:
      message = HostileResult();
      break;
    case 6:
      return HostilePut(node);
    case 7:
      message.mutable_get_block_origin()->set_block_id(static_cast<uint64_t>(NoNumber()));
      break;
    case 8:
      message.mutable_object_changed()->set_block_id(static_cast<uint64_t>(NoNumber()));
      break;
    case 9: {
      session::Register request;
      request.mutable_address()->set_host("stranger");
      request.mutable_address()->set_data_port(1);
      request.add_tiers()->set_used_bytes(NoNumber());
      return master_->RegisterWorker(request, [this](const StatusOr<Master::Session>& session) {
        if (session.ok()) Violation("a worker with absurd tiers was registered");
      });
    }
    default:
      message.mutable_reserve_ids();
      return Deliver(node, {node.session.worker, Epoch(NoNumber())}, message);
  }
  Deliver(node, node.session, message);
}

void Simulation::HostilePut(Node& node) {
  session::PutFiles request;
  request.set_request_id(1);
  auto* holder = request.add_holders();
  holder->set_worker_id(node.session.worker.value());
  holder->set_epoch(node.session.epoch.value());
  auto* file = request.add_files();
  file->mutable_options()->set_block_size_bytes(kBlockBytes);
  file->mutable_options()->set_recursive(true);
  file->add_tiers(0);
  const bool by_name = hostile_.Below(2) == 0;
  file->mutable_options()->set_path("/d/" + (by_name ? Name(hostile_) : "p"));
  file->set_block_id(static_cast<uint64_t>(by_name ? kNoBlock : NoNumber()));
  file->set_length_bytes(by_name ? 1 : NoNumber());
  if (by_name && NormalizePath(file->options().path()).ok()) return;  // "..": it can be
  const LogIndex before = journal_->last_index();
  master_->PutFiles(node.session, request, [this](const session::PutFilesAck& ack) {
    for (const auto& outcome : ack.outcomes()) {
      if (outcome.code() == 0) Violation("an absurd file was taken");
    }
  });
  if (journal_->last_index() != before) Violation("an absurd file has changed something");
}

void Simulation::HostileCommand(Node& node) {
  session::MasterMessage message;
  switch (hostile_.Below(10)) {
    case 0: {
      auto* command = message.mutable_persist();
      command->set_job_id(kNoJob + hostile_.Below(1000));
      command->set_mount_id(hostile_.Below(2) == 0 ? kRootMountId.value() : NoNumber());
      command->set_key("hostile");
      command->set_length_bytes(NoNumber());
      command->set_first_byte(NoNumber());
      command->add_blocks()->set_block_id(kNoBlock);
      command->mutable_blocks(0)->set_length_bytes(NoNumber());
      break;
    }
    case 1: {
      auto* command = message.mutable_replicate_block();
      command->mutable_block()->set_block_id(kNoBlock + hostile_.Below(1000));
      command->mutable_block()->set_length_bytes(NoNumber());
      command->set_offset_in_file(NoNumber());
      command->set_mount_id(hostile_.Below(2) == 0 ? 0 : NoNumber());
      command->set_uri(Name(hostile_));
      break;
    }
    case 2:
      message.mutable_remove_blocks()->add_block_ids(static_cast<uint64_t>(NoNumber()));
      break;
    case 3:
      message.mutable_pin_blocks()->add_block_ids(static_cast<uint64_t>(NoNumber()));
      break;
    case 4:
      message.mutable_heartbeat_ack()->set_sequence(UINT64_MAX);
      break;
    case 5:
      message.mutable_reserved_ids()->set_first_container_id(NoNumber());
      message.mutable_reserved_ids()->set_count(NoNumber());
      break;
    case 6:
      message.mutable_put_files_ack()->set_request_id(kNoJob);
      message.mutable_put_files_ack()->add_outcomes()->set_code(-7);
      break;
    case 7:
      message.mutable_block_origin()->set_request_id(kNoJob);
      message.mutable_block_origin()->set_length_bytes(NoNumber());
      break;
    case 8:
      message.mutable_change_lost_file()->set_folder("/mem");
      message.mutable_change_lost_file()->set_name("../blocks/" + Name(hostile_));
      message.mutable_change_lost_file()->set_drop(true);
      break;
    default:
      message.mutable_verify_blocks()->add_block_ids(static_cast<uint64_t>(NoNumber()));
  }
  node.worker->OnMessage(message);
}

void Simulation::HostileWrite(Node& node) {
  auto temp = node.store->Create(BlockId(kNoBlock + static_cast<int64_t>(hostile_.Below(1000))), 0,
                                 /*pin=*/false);
  if (!temp.ok()) return;
  if ((*temp)->Reserve(NoNumber()).ok()) Violation("an absurd reservation was granted");
}

}  // namespace spillway::sim
