// For tests: a folder's system calls are carried out and recorded, and the recording is played up
// to any call, after which the power goes.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include "understore/local/local_under_store.h"

namespace spillway {

// One change of the disk, or of what is durable on it. Files and directories have numbers; 0 is
// none, 1 the root.
struct DiskCall {
  enum Kind { kMake, kWrite, kTruncate, kSetMode, kSetModified, kSync, kSyncAll, kSetName };
  Kind kind;
  int node = 0;  // kSetName: what the name means from now on
  bool directory = false;
  int folder = 0;  // kSetName
  std::string name;
  int64_t number = 0;  // offset, size, mode or time; of kMake the inode's number
  std::string data;
};

// What a file system refuses.
struct Refusals {
  bool openat2 = false;
  bool unnamed = false;
  bool no_replace = false;
  bool copy_range = false;
};

class RecordingFileCalls : public PosixFileCalls {
 public:
  explicit RecordingFileCalls(Refusals refusals = {}) : refusals_(refusals) {}
  const std::vector<DiskCall>& calls() const { return calls_; }

  int OpenPath(const std::string& path, int flags) override {
    return Opened(PosixFileCalls::OpenPath(path, flags));
  }
  int OpenBeneath(int dir, const std::string& path, int flags) override {
    if (refusals_.openat2) return -ENOSYS;
    return Opened(PosixFileCalls::OpenBeneath(dir, path, flags));
  }
  int OpenName(int dir, const std::string& name, int flags, uint32_t mode) override {
    const int fd = PosixFileCalls::OpenName(dir, name, flags, mode);
    if (fd < 0 || (flags & O_CREAT) == 0) return Opened(fd);
    SetName(dir, name, Made(fd, false));
    return fd;
  }
  int OpenUnnamed(int dir, int flags, uint32_t mode) override {
    if (refusals_.unnamed) return -EOPNOTSUPP;
    const int fd = PosixFileCalls::OpenUnnamed(dir, flags, mode);
    if (fd >= 0) Made(fd, false);
    return fd;
  }
  int64_t Write(int fd, const void* data, int64_t size, int64_t offset) override {
    const int64_t n = PosixFileCalls::Write(fd, data, size, offset);
    if (n > 0)
      Record({.kind = DiskCall::kWrite,
              .node = nodes_[fd],
              .number = offset,
              .data = std::string(static_cast<const char*>(data), static_cast<size_t>(n))});
    return n;
  }
  int64_t CopyRange(int from, int to, int64_t size, int64_t offset) override {
    if (refusals_.copy_range) return -EXDEV;
    const int64_t n = PosixFileCalls::CopyRange(from, to, size, offset);
    if (n <= 0) return n;
    std::string data(static_cast<size_t>(n), '\0');
    (void)PosixFileCalls::Read(from, data.data(), n, offset);
    Record({.kind = DiskCall::kWrite, .node = nodes_[to], .number = offset, .data = data});
    return n;
  }
  int Truncate(int fd, int64_t size) override {
    Record({.kind = DiskCall::kTruncate, .node = nodes_[fd], .number = size});
    return PosixFileCalls::Truncate(fd, size);
  }
  int SetMode(int fd, uint32_t mode) override {
    Record({.kind = DiskCall::kSetMode, .node = nodes_[fd], .number = mode});
    return PosixFileCalls::SetMode(fd, mode);
  }
  int SetModified(int fd, int64_t modified_ns) override {
    Record({.kind = DiskCall::kSetModified, .node = nodes_[fd], .number = modified_ns});
    return PosixFileCalls::SetModified(fd, modified_ns);
  }
  // The machine's own syncs are left out: its power stays on.
  int Sync(int fd) override {
    Record({.kind = DiskCall::kSync, .node = nodes_[fd], .directory = directories_[nodes_[fd]]});
    return 0;
  }
  int SyncFileSystem(int) override {
    Record({.kind = DiskCall::kSyncAll});
    return 0;
  }
  int LinkUnnamed(int fd, int dir, const std::string& name) override {
    const int result = PosixFileCalls::LinkUnnamed(fd, dir, name);
    if (result >= 0) SetName(dir, name, nodes_[fd]);
    return result;
  }
  int Link(int from_dir, const std::string& from, int dir, const std::string& name) override {
    const int node = NodeAt(from_dir, from);
    const int result = PosixFileCalls::Link(from_dir, from, dir, name);
    if (result >= 0) SetName(dir, name, node);
    return result;
  }
  int Rename(int from_dir, const std::string& from, int dir, const std::string& name,
             bool replace) override {
    if (!replace && refusals_.no_replace) return -EINVAL;
    const int node = NodeAt(from_dir, from);
    const int result = PosixFileCalls::Rename(from_dir, from, dir, name, replace);
    if (result < 0) return result;
    SetName(dir, name, node);
    SetName(from_dir, from, 0);
    return result;
  }
  int Unlink(int dir, const std::string& name) override {
    const int result = PosixFileCalls::Unlink(dir, name);
    if (result >= 0) SetName(dir, name, 0);
    return result;
  }
  int MakeDirectory(int dir, const std::string& name, uint32_t mode) override {
    const int result = PosixFileCalls::MakeDirectory(dir, name, mode);
    if (result < 0) return result;
    const int fd = PosixFileCalls::OpenName(dir, name, O_PATH, 0);
    SetName(dir, name, Made(fd, true));
    Close(fd);
    return result;
  }
  int RemoveDirectory(int dir, const std::string& name) override {
    const int result = PosixFileCalls::RemoveDirectory(dir, name);
    if (result >= 0) SetName(dir, name, 0);
    return result;
  }
  int64_t NowNs() override { return now_ns_ += 1000; }

 private:
  int64_t InodeOf(int fd) {
    FileFacts facts;
    (void)PosixFileCalls::Facts(fd, &facts);
    return static_cast<int64_t>(facts.id.inode);
  }
  int Opened(int fd) {
    if (fd < 0) return fd;
    const auto [at, is_new] = by_inode_.try_emplace(InodeOf(fd), next_);
    if (is_new) directories_[next_++] = true;  // the root
    nodes_[fd] = at->second;
    return fd;
  }
  int Made(int fd, bool directory) {
    const int64_t inode = InodeOf(fd);
    by_inode_[inode] = next_;
    nodes_[fd] = next_;
    directories_[next_] = directory;
    Record({.kind = DiskCall::kMake, .node = next_, .directory = directory, .number = inode});
    return next_++;
  }
  int NodeAt(int dir, const std::string& name) {
    FileFacts facts;
    (void)PosixFileCalls::FactsOf(dir, name, &facts);
    return by_inode_[static_cast<int64_t>(facts.id.inode)];
  }
  void SetName(int dir, const std::string& name, int node) {
    Record({.kind = DiskCall::kSetName, .node = node, .folder = nodes_[dir], .name = name});
  }
  void Record(DiskCall call) { calls_.push_back(std::move(call)); }

  const Refusals refusals_;
  std::vector<DiskCall> calls_;
  std::map<int64_t, int> by_inode_;
  std::map<int, int> nodes_;         // of open descriptors
  std::map<int, bool> directories_;  // by node
  int next_ = 1;
  int64_t now_ns_ = 1'000'000'000'000'000'000;
};

// What may be found of a file's bytes that were not synced.
enum class Kept { kNothing, kAll, kZeros, kHalf, kHalfThenZeros, kAllButAttributes };
inline constexpr Kept kAllKept[] = {Kept::kNothing, Kept::kAll,           Kept::kZeros,
                                    Kept::kHalf,    Kept::kHalfThenZeros, Kept::kAllButAttributes};

// A file after the crash.
struct FoundFile {
  std::string data;
  int64_t mode = 0;
  std::string etag;
};

struct FoundTree {
  std::map<std::string, FoundFile> files;  // by key
  std::map<std::string, bool> directories;
};

class DiskModel {
 public:
  using Slot = std::pair<int, std::string>;

  void Apply(const DiskCall& call) {
    File& file = files_[call.node];
    switch (call.kind) {
      case DiskCall::kMake:
        file.directory = call.directory;
        file.inode = call.number;
        break;
      case DiskCall::kWrite:
        if (file.now.data.size() < call.number + call.data.size())
          file.now.data.resize(call.number + call.data.size());
        file.now.data.replace(static_cast<size_t>(call.number), call.data.size(), call.data);
        break;
      case DiskCall::kTruncate:
        file.now.data.resize(static_cast<size_t>(call.number));
        break;
      case DiskCall::kSetMode:
        file.now.mode = call.number;
        break;
      case DiskCall::kSetModified:
        file.now.modified_ns = call.number;
        break;
      case DiskCall::kSync:
        file.durable = file.now;
        for (auto& [slot, values] : names_) {
          if (slot.first == call.node) values = {values.back()};
        }
        break;
      case DiskCall::kSyncAll:
        for (auto& [node, any] : files_) any.durable = any.now;
        for (auto& [slot, values] : names_) values = {values.back()};
        break;
      case DiskCall::kSetName:
        auto& values =
            names_.try_emplace({call.folder, call.name}, std::vector<int>{0}).first->second;
        values.push_back(call.node);
        break;
    }
  }

  // Names of which it is open what they mean, and how many meanings there are.
  std::vector<std::pair<Slot, size_t>> OpenNames() const {
    std::vector<std::pair<Slot, size_t>> open;
    for (const auto& [slot, values] : names_) {
      if (values.size() > 1) open.push_back({slot, values.size()});
    }
    return open;
  }
  // choice: which of a name's meanings holds; the newest where it says nothing.
  FoundTree Find(const std::map<Slot, size_t>& choice, Kept kept) const {
    FoundTree tree;
    Walk(1, "", choice, kept, &tree);
    return tree;
  }
  // The node that a slot of the root means now.
  int Root(const std::string& name) const {
    const auto at = names_.find({1, name});
    return at == names_.end() ? 0 : at->second.back();
  }

 private:
  struct Content {
    std::string data;
    int64_t mode = 0600;
    int64_t modified_ns = 0;
  };
  struct File {
    bool directory = false;
    int64_t inode = 0;
    Content now;
    Content durable;
  };

  // Bytes that were synced and not written again are never lost.
  static std::string BytesAfter(const std::string& durable, const std::string& now, Kept kept) {
    std::string found = now;
    size_t open = 0;
    const auto is_open = [&](size_t i) { return i >= durable.size() || durable[i] != now[i]; };
    for (size_t i = 0; i < now.size(); ++i) open += is_open(i) ? 1 : 0;
    size_t kept_bytes = kept == Kept::kZeros ? 0 : open / 2;
    for (size_t i = 0; i < now.size(); ++i) {
      if (!is_open(i) || kept_bytes-- > 0) continue;
      if (kept == Kept::kHalf && i >= durable.size()) return found.substr(0, i);
      kept_bytes = 0;
      found[i] = '\0';
    }
    return found;
  }
  static FoundFile After(const File& file, Kept kept) {
    Content found = kept == Kept::kAll ? file.now : file.durable;
    if (kept == Kept::kAllButAttributes) found.data = file.now.data;
    if (kept == Kept::kZeros || kept == Kept::kHalf || kept == Kept::kHalfThenZeros)
      found.data = BytesAfter(file.durable.data, file.now.data, kept);
    FileFacts facts;
    facts.size_bytes = static_cast<int64_t>(found.data.size());
    facts.modified_ns = found.modified_ns;
    facts.id.inode = static_cast<uint64_t>(file.inode);
    return {found.data, found.mode, EtagOf(facts)};
  }
  void Walk(int node, const std::string& key, const std::map<Slot, size_t>& choice, Kept kept,
            FoundTree* tree) const {
    for (auto at = names_.lower_bound({node, ""}); at != names_.end() && at->first.first == node;
         ++at) {
      const auto chosen = choice.find(at->first);
      const int child = chosen == choice.end() ? at->second.back() : at->second[chosen->second];
      if (child == 0) continue;
      const std::string below = key.empty() ? at->first.second : key + "/" + at->first.second;
      const File& file = files_.at(child);
      if (file.directory) {
        tree->directories[below] = true;
        Walk(child, below, choice, kept, tree);
      } else {
        tree->files[below] = After(file, kept);
      }
    }
  }

  std::map<int, File> files_;
  // Since the last sync, oldest first.
  std::map<Slot, std::vector<int>> names_;
};

}  // namespace spillway
