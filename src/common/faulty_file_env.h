// A disk that fails as it is told, over another one. For tests, fuzzers and simulation.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/file_env.h"

namespace spillway {

enum class FileOp {
  kCreateDirs,
  kOpen,    // of a file that is there, to write or to read
  kCreate,  // of a file, by opening or as the target of a rename
  kStat,    // of an open file
  kRead,
  kWrite,   // and cutting off
  kSync,    // of a file or a folder
  kRename,  // of what is there
  kRemove,
  kList,
};

// Whether an operation would change what is on the disk.
inline bool Changes(FileOp op) {
  return op == FileOp::kCreateDirs || op == FileOp::kCreate || op == FileOp::kWrite ||
         op == FileOp::kRename || op == FileOp::kRemove;
}

// Thread-safe as far as the decision is.
class FaultyFileEnv : public FileEnv {
 public:
  // Is asked before each operation; what is not OK is its outcome, and then nothing was done.
  using Decision = std::function<Status(FileOp op, const std::string& path)>;
  explicit FaultyFileEnv(FileEnv* inner) : inner_(inner) {}
  void Decide(Decision decision) { decision_ = std::move(decision); }

  Status CreateDirs(const std::string& path) override {
    if (Exists(path)) return Allowed(FileOp::kList, path);
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kCreateDirs, path));
    return inner_->CreateDirs(path);
  }
  StatusOr<std::unique_ptr<File>> Open(const std::string& path, bool create) override {
    SPILLWAY_RETURN_IF_ERROR(Allowed(create ? FileOp::kCreate : FileOp::kOpen, path));
    // A file that may be written; a file system that is read-only does not open it.
    if (!create) SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kWrite, path));
    SPILLWAY_ASSIGN_OR_RETURN(auto file, inner_->Open(path, create));
    return std::unique_ptr<File>(std::make_unique<Opened>(this, path, std::move(file)));
  }
  StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override {
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kOpen, path));
    SPILLWAY_ASSIGN_OR_RETURN(auto file, inner_->OpenForRead(path));
    return std::unique_ptr<File>(std::make_unique<Opened>(this, path, std::move(file)));
  }
  Status Rename(const std::string& from, const std::string& to) override {
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kRename, from));
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kCreate, to));
    return inner_->Rename(from, to);
  }
  Status RenameNew(const std::string& from, const std::string& to) override {
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kRename, from));
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kCreate, to));
    return inner_->RenameNew(from, to);
  }
  Status Remove(const std::string& path) override {
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kRemove, path));
    return inner_->Remove(path);
  }
  Status SyncDir(const std::string& path) override {
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kSync, path));
    return inner_->SyncDir(path);
  }
  StatusOr<std::vector<std::string>> List(const std::string& path) override {
    SPILLWAY_RETURN_IF_ERROR(Allowed(FileOp::kList, path));
    return inner_->List(path);
  }
  bool Exists(const std::string& path) override { return inner_->Exists(path); }

 private:
  class Opened : public File {
   public:
    Opened(FaultyFileEnv* env, std::string path, std::unique_ptr<File> inner)
        : env_(env), path_(std::move(path)), inner_(std::move(inner)) {}
    Status WriteAt(int64_t offset, std::span<const iovec> data) override {
      SPILLWAY_RETURN_IF_ERROR(env_->Allowed(FileOp::kWrite, path_));
      return inner_->WriteAt(offset, data);
    }
    StatusOr<int64_t> ReadAt(int64_t offset, void* data, int64_t size) override {
      SPILLWAY_RETURN_IF_ERROR(env_->Allowed(FileOp::kRead, path_));
      return inner_->ReadAt(offset, data, size);
    }
    StatusOr<int64_t> Size() override {
      SPILLWAY_RETURN_IF_ERROR(env_->Allowed(FileOp::kStat, path_));
      return inner_->Size();
    }
    Status Truncate(int64_t size) override {
      SPILLWAY_RETURN_IF_ERROR(env_->Allowed(FileOp::kWrite, path_));
      return inner_->Truncate(size);
    }
    Status Sync() override {
      SPILLWAY_RETURN_IF_ERROR(env_->Allowed(FileOp::kSync, path_));
      return inner_->Sync();
    }

   private:
    FaultyFileEnv* const env_;
    const std::string path_;
    const std::unique_ptr<File> inner_;
  };

  Status Allowed(FileOp op, const std::string& path) {
    return decision_ ? decision_(op, path) : absl::OkStatus();
  }

  FileEnv* const inner_;
  Decision decision_;
};

}  // namespace spillway
