#include "master/state/listed_object.h"

#include "common/names.h"
#include "common/path.h"

namespace spillway {
namespace {

constexpr int64_t kClockSlackMs = 2000;  // between a local folder's times and ours

}  // namespace

std::string NameOfKey(const std::string& key) {
  const std::string name = key.substr(key.rfind('/') + 1);
  return name == "." || name == ".." ? "" : name;
}

LeftOut LeaveOutUnnamed(const std::string& folder, ListPage* page) {
  LeftOut left;
  const auto drop = [&](const std::string& key) {
    const std::string_view name = std::string_view(key).substr(key.rfind('/') + 1);
    if (name.empty() || name == "." || name == "..") return false;  // passed over later
    Status status = CheckName(name);
    if (status.ok()) status = CheckNewPath(name);
    if (status.ok() && folder.size() + 1 + name.size() > kPathBytesMax)
      status = InvalidArgument("Its path would be longer than {} bytes.", kPathBytesMax);
    if (!status.ok() && left.entries++ == 0) {
      left.example = Printable(std::string(Utf8Prefix(key, kNameBytesMax)));
      left.why = Message(status);
    }
    return !status.ok();
  };
  std::erase_if(page->objects, [&](const ObjectInfo& object) { return drop(object.key); });
  std::erase_if(page->directories, drop);
  return left;
}

bool HasChanged(const state::Inode& inode, const ObjectInfo& object) {
  if (inode.length_bytes() != object.size_bytes) return true;
  if (!object.etag.empty() && !inode.object().etag().empty())
    return object.etag != inode.object().etag();
  return object.last_modified_ms > inode.object().persisted_at_ms() + kClockSlackMs;
}

}  // namespace spillway
