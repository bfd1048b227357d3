// A worker's folder with any files in it: it opens, and what it hands out matches its checksum.
#include "common/checksum.h"
#include "common/log.h"
#include "fuzz/input.h"
#include "worker/store/block_store.h"

namespace spillway {
namespace {

void WriteFile(MemoryFileEnv& env, const std::string& path, const std::string& data) {
  (void)WriteStringToFile(env, path, data);
}

void CheckBlock(BlockStore& store, BlockId id) {
  const auto open = store.OpenForRead(id);
  if (!open.ok()) return;
  std::string data(static_cast<size_t>(open->info.length_bytes), '\0');
  const auto n = open->file->ReadAt(0, data.data(), open->info.length_bytes);
  fuzz::Require(n.ok() && *n == open->info.length_bytes);
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
  BlockStore store(options, &env);
  if (const Status status = store.Open(); !status.ok()) {
    fuzz::Require(!status.message().empty());
    return 0;
  }
  for (const StoredBlock& block : store.All()) {
    fuzz::Require(block.length_bytes >= 0);
    CheckBlock(store, block.id);
  }
  for (const BlockId id : store.NextToVerify(1 << 30)) (void)store.Verify(id);
  (void)store.Usage();
  return 0;
}
