// Strongly typed ids. A file's id and its block ids share a container id, by Alluxio's arithmetic:
// block = container << 24 | index, file = container << 24 | 0xFFFFFF. Ids are signed on the wire.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <utility>

namespace spillway {

template <typename Tag>
class TypedId {
 public:
  constexpr TypedId() = default;
  constexpr explicit TypedId(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  auto operator<=>(const TypedId&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, TypedId id) {
    return H::combine(std::move(h), id.value_);
  }

 private:
  int64_t value_ = 0;
};

using InodeId = TypedId<struct InodeIdTag>;
using BlockId = TypedId<struct BlockIdTag>;
using WorkerId = TypedId<struct WorkerIdTag>;
using MountId = TypedId<struct MountIdTag>;
using Epoch = TypedId<struct EpochTag>;
using LogIndex = TypedId<struct LogIndexTag>;

inline constexpr InodeId kRootInodeId{0};
inline constexpr MountId kRootMountId{1};
inline constexpr int64_t kSequenceMask = 0xFFFFFF;

constexpr InodeId FileIdOfContainer(int64_t container) {
  return InodeId((container << 24) | kSequenceMask);
}
constexpr int64_t ContainerOf(BlockId block) { return block.value() >> 24; }
constexpr InodeId FileIdOfBlock(BlockId block) { return InodeId(block.value() | kSequenceMask); }
constexpr int64_t BlockIndex(BlockId block) { return block.value() & kSequenceMask; }
constexpr BlockId BlockIdOf(InodeId file, int64_t index) {
  return BlockId((file.value() & ~kSequenceMask) | index);
}

}  // namespace spillway
