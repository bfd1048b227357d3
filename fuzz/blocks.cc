// A worker's folder with any files in it, some of which fail: it opens, what it hands out matches
// its checksum, and no bytes that stood in blocks/ are gone afterwards.
#include <algorithm>
#include <set>

#include "common/checksum.h"
#include "common/faulty_file_env.h"
#include "common/log.h"
#include "fuzz/input.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

void WriteFile(MemoryFileEnv& env, const std::string& path, const std::string& data) {
  (void)WriteStringToFile(env, path, data);
}

// What stands in blocks/ and lost/.
std::multiset<std::string> Kept(MemoryFileEnv& env) {
  std::multiset<std::string> contents;
  for (const char* part : {"/mem/spillwayworker/blocks/", "/mem/spillwayworker/lost/"}) {
    for (const std::string& path : env.FilesBelow(part)) contents.insert(*env.Contents(path));
  }
  return contents;
}

// One operation on some of the files fails. A byte each: which one, of how many files, why.
struct Fault {
  explicit Fault(fuzz::Input& input)
      : op(static_cast<FileOp>(input.Byte() % 10)),
        one_in(1 + input.Byte() % 4),
        status(input.Byte() % 2 == 0 ? MakeStatus(StatusCode::kUnknown, "Input/output error")
                                     : MakeStatus(StatusCode::kPermissionDenied, "Read-only")) {}
  Status operator()(FileOp tried, const std::string& path) const {
    return armed && tried == op && Crc32c(path) % one_in == 0 ? status : absl::OkStatus();
  }
  FileOp op;
  uint32_t one_in;
  Status status;
  bool armed = true;
};

void CheckBlock(BlockStore& store, BlockId id) {
  const auto open = store.OpenForRead(id);
  if (!open.ok()) return;
  // Where reading fails, nothing is handed out.
  std::string data(static_cast<size_t>(open->info.length_bytes), '\0');
  const auto n = open->file->ReadAt(0, data.data(), open->info.length_bytes);
  if (!n.ok()) return;
  fuzz::Require(*n == open->info.length_bytes);
  fuzz::Require(Crc32c(data) == open->info.crc32c);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  spdlog::set_level(spdlog::level::off);
  fuzz::Input input(data, size);
  MemoryFileEnv env;
  const std::string root = "/mem/spillwayworker";
  (void)env.CreateDirs(root + "/blocks");
  (void)env.CreateDirs(root + "/temp");
  const uint8_t what = input.Byte();
  Fault fault(input);
  if ((what & 1) != 0) WriteFile(env, root + "/cluster", input.String());
  if ((what & 2) != 0) WriteFile(env, root + "/format", input.String());
  while (!input.empty()) {
    const std::string name = input.String();
    const std::string content = input.String();
    if (name.empty() || name.find('/') != std::string::npos) {
      // A right name for these bytes, unless a bit of them is flipped.
      const uint8_t flip = input.Byte();
      std::string damaged = content;
      if (flip != 0 && !damaged.empty()) damaged[flip % damaged.size()] ^= 1;
      char text[64];
      std::snprintf(text, sizeof(text), "%016x-%zu-%08x", flip, content.size(), Crc32c(content));
      WriteFile(env, root + "/blocks/" + text, damaged);
    } else {
      WriteFile(env, root + ((what & 4) != 0 ? "/temp/" : "/blocks/") + name, content);
    }
  }
  BlockStoreOptions options;
  options.tiers = {{"MEM", {{"/mem", 1 << 20}}}};
  options.worker_name = "fuzz";
  const std::multiset<std::string> before = Kept(env);
  FaultyFileEnv faulty(&env);
  faulty.Decide([&](FileOp op, const std::string& path) { return fault(op, path); });
  BlockStore store(options, &faulty);
  if (const Status status = store.Open(); !status.ok()) {
    fuzz::Require(!status.message().empty());
    return 0;
  }
  for (const StoredBlock& block : store.All()) {
    fuzz::Require(block.length_bytes >= 0);
    CheckBlock(store, block.id);
  }
  for (const BlockId id : store.NextToVerify(1 << 30)) (void)store.Verify(id);
  store.ProbeFolders();
  fault.armed = false;
  for (int i = 0; i < 2; ++i) store.ProbeFolders();
  for (const StoredBlock& block : store.All()) CheckBlock(store, block.id);
  for (const LostFile& file : store.LostFiles(1000))
    (void)store.RestoreLost(file.folder, file.name);
  for (const TierUsage& usage : store.Usage()) fuzz::Require(usage.used_bytes >= 0);
  const std::multiset<std::string> after = Kept(env);
  fuzz::Require(std::includes(after.begin(), after.end(), before.begin(), before.end()));
  return 0;
}
