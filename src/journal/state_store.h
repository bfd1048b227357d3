// Where the master's state lives: an ordered map of byte strings whose batches are atomic and, once
// committed with sync, durable. docs/formats/state.md lists the keys.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"

namespace spillway {

class Metrics;

// Changes of one commit: a value, or nothing for a key that goes away.
using StateBatch = std::map<std::string, std::optional<std::string>, std::less<>>;

// Thread-safe. Keys are compared as unsigned bytes.
class StateStore {
 public:
  // False stops the scan.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;

  virtual ~StateStore() = default;
  virtual StatusOr<std::optional<std::string>> Get(std::string_view key) = 0;
  // Visits keys in [begin, end) in order.
  virtual Status Scan(std::string_view begin, std::string_view end, const Visitor& visit) = 0;
  // All or nothing; durable on return.
  virtual Status Commit(const StateBatch& batch) = 0;
  // Writes a consistent copy of what is durable to a folder that does not exist yet.
  virtual Status Checkpoint(const std::string& path) = 0;
};

// The in-memory twin. Durable as long as the object lives.
class MemoryStateStore : public StateStore {
 public:
  MemoryStateStore();
  ~MemoryStateStore() override;
  StatusOr<std::optional<std::string>> Get(std::string_view key) override;
  Status Scan(std::string_view begin, std::string_view end, const Visitor& visit) override;
  Status Commit(const StateBatch& batch) override;
  Status Checkpoint(const std::string& path) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// RocksDB in folder path, created if it is missing and create is set. FAILED_PRECONDITION if
// another process has it open; DATA_LOSS if it is corrupt. metrics, if given, outlives it.
StatusOr<std::unique_ptr<StateStore>> OpenRocksDbStateStore(const std::string& path, bool create,
                                                            Metrics* metrics = nullptr);

}  // namespace spillway
