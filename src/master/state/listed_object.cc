#include "master/state/listed_object.h"

namespace spillway {
namespace {

constexpr int64_t kClockSlackMs = 2000;  // between a local folder's times and ours

}  // namespace

std::string NameOfKey(const std::string& key) {
  const std::string name = key.substr(key.rfind('/') + 1);
  return name == "." || name == ".." ? "" : name;
}

bool HasChanged(const state::Inode& inode, const ObjectInfo& object) {
  if (inode.length_bytes() != object.size_bytes) return true;
  if (!object.etag.empty() && !inode.object().etag().empty())
    return object.etag != inode.object().etag();
  return object.last_modified_ms > inode.object().persisted_at_ms() + kClockSlackMs;
}

}  // namespace spillway
