#include "understore/local/local_under_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/checksum.h"
#include "common/file_env.h"
#include "common/path.h"

namespace spillway {
namespace {

constexpr int64_t kUnit = PosixFileEnv::kDirectBytes;
constexpr int64_t kPieceBytes = 1 << 20;
constexpr int64_t kWriteBytes = 512 << 10;
constexpr int64_t kDirectBytesMin = 1 << 20;
constexpr const char* kUploads = ".spillway-uploads";

std::string EtagOf(const struct stat& st) {
  return fmt::format("{:x}-{:x}-{:x}", st.st_size,
                     st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec, st.st_ino);
}

StatusOr<struct stat> StatPath(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return ErrnoStatus(errno, "Cannot stat", path);
  return st;
}

// 0 or an errno.
int MoveFile(const std::string& from, const std::string& to, bool if_absent) {
  if (!if_absent) return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  // Not every file system knows it.
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (::access(to.c_str(), F_OK) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

Status Compare(std::optional<uint32_t> expected, uint32_t crc) {
  if (!expected || *expected == crc) return absl::OkStatus();
  return MakeStatus(StatusCode::kDataLoss, "The data to upload does not match its checksum.");
}

constexpr const char* kPartsMark = ".parts-of-";

// How long the parts of an upload are, which its id says.
std::optional<int64_t> PartBytesOf(const std::string& upload_id) {
  const size_t at = upload_id.rfind(kPartsMark);
  if (at == std::string::npos) return std::nullopt;
  const int64_t bytes = std::atoll(upload_id.c_str() + at + std::strlen(kPartsMark));
  return bytes > 0 ? std::optional(bytes) : std::nullopt;
}

// Copies body to file at base and returns its CRC32C. Of a long one only two pieces are on their
// way to the device at any time: the journal, whose syncs clients wait for, may be on the same.
StatusOr<uint32_t> WriteBody(File& file, int64_t base, BodySource& body,
                             std::optional<uint32_t> expected) {
  std::string buffer(std::min(kWriteBytes, std::max<int64_t>(1, body.size_bytes())), '\0');
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    if (at > kWriteBytes) file.WriteBack(base + at - 2 * kWriteBytes, kWriteBytes, /*wait=*/true);
    const int64_t n = std::min<int64_t>(buffer.size(), body.size_bytes() - at);
    SPILLWAY_RETURN_IF_ERROR(body.Read(at, buffer.data(), n));
    crc = Crc32cExtend(crc, buffer.data(), n);
    const iovec part{buffer.data(), static_cast<size_t>(n)};
    SPILLWAY_RETURN_IF_ERROR(file.WriteAt(base + at, std::span(&part, 1)));
    if (body.size_bytes() > kWriteBytes) file.WriteBack(base + at, n, /*wait=*/false);
    at += n;
  }
  SPILLWAY_RETURN_IF_ERROR(Compare(expected, crc));
  return crc;
}

// Bytes of a body, where they lie if they can be had there and go to the device by themselves.
class Pieces {
 public:
  explicit Pieces(BodySource* body) : body_(body) {}
  // Valid until the next call.
  StatusOr<std::string_view> Next(int64_t at, int64_t size) {
    if (size % kUnit == 0 && may_map_) {
      auto mapped = body_->Map(at, size);
      may_map_ = mapped.status().code() != StatusCode::kUnimplemented;
      if (mapped.ok()) {
        mapped_ = *std::move(mapped);
        return mapped_.view();
      }
      if (may_map_) return mapped.status();
    }
    if (buffer_ == nullptr)
      buffer_.reset(static_cast<char*>(std::aligned_alloc(kUnit, kPieceBytes)));
    if (buffer_ == nullptr)
      return MakeStatus(StatusCode::kResourceExhausted, "No memory to upload.");
    SPILLWAY_RETURN_IF_ERROR(body_->Read(at, buffer_.get(), size));
    const int64_t whole = (size + kUnit - 1) / kUnit * kUnit;
    std::fill(buffer_.get() + size, buffer_.get() + whole, '\0');
    return std::string_view(buffer_.get(), static_cast<size_t>(whole));
  }

 private:
  BodySource* const body_;
  bool may_map_ = true;
  SharedBytes mapped_;
  std::unique_ptr<char, decltype(&std::free)> buffer_{nullptr, &std::free};
};

// The same past the page cache, which nobody reads again. Zeros may follow.
StatusOr<uint32_t> WriteBodyDirect(File& file, int64_t base, BodySource& body,
                                   std::optional<uint32_t> expected) {
  Pieces pieces(&body);
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    const int64_t n = std::min(kPieceBytes, body.size_bytes() - at);
    SPILLWAY_ASSIGN_OR_RETURN(const std::string_view bytes, pieces.Next(at, n));
    crc = Crc32cExtend(crc, bytes.data(), static_cast<size_t>(n));
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    SPILLWAY_RETURN_IF_ERROR(file.WriteAt(base + at, std::span(&part, 1)));
    at += n;
  }
  SPILLWAY_RETURN_IF_ERROR(Compare(expected, crc));
  return crc;
}

Status WriteWhole(File& file, bool direct, BodySource& body, std::optional<uint32_t> expected) {
  if (!direct) return WriteBody(file, 0, body, expected).status();
  SPILLWAY_RETURN_IF_ERROR(WriteBodyDirect(file, 0, body, expected).status());
  return file.Truncate(body.size_bytes());
}

// *direct: past the page cache; false afterwards if the file system cannot.
StatusOr<std::unique_ptr<File>> OpenToWrite(const std::string& path, bool create, bool* direct) {
  PosixFileEnv env;
  if (*direct) {
    auto file = env.OpenDirect(path, create);
    if (file.status().code() != StatusCode::kInvalidArgument) return file;
    *direct = false;
  }
  return env.Open(path, create);
}

// Before it is written where others may have written the right bytes.
Status CheckBody(BodySource& body, uint32_t expected) {
  std::string buffer(std::min(kPieceBytes, std::max<int64_t>(1, body.size_bytes())), '\0');
  uint32_t crc = 0;
  for (int64_t at = 0; at < body.size_bytes();) {
    const int64_t n = std::min<int64_t>(buffer.size(), body.size_bytes() - at);
    SPILLWAY_RETURN_IF_ERROR(body.Read(at, buffer.data(), n));
    crc = Crc32cExtend(crc, buffer.data(), n);
    at += n;
  }
  return Compare(expected, crc);
}

}  // namespace

LocalUnderStore::LocalUnderStore(std::string root) : root_(std::move(root)) {
  std::error_code ignored;
  std::filesystem::create_directories(root_, ignored);
}

std::string LocalUnderStore::PathOf(const std::string& key) const {
  return key.empty() ? root_ : JoinPath(root_, key);
}

std::string LocalUnderStore::NewUploadName() {
  return fmt::format("{}-{}", ::getpid(), next_.fetch_add(1));
}

StatusOr<ObjectInfo> LocalUnderStore::Head(const std::string& key) {
  SPILLWAY_ASSIGN_OR_RETURN(const struct stat st, StatPath(PathOf(key)));
  if (S_ISDIR(st.st_mode)) return NotFound("{} is a directory", PathOf(key));
  return ObjectInfo{key, st.st_size, EtagOf(st),
                    st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1'000'000, std::nullopt};
}

StatusOr<ListPage> LocalUnderStore::List(const std::string& directory, const std::string&) {
  PosixFileEnv env;
  ListPage page;
  auto names = env.List(PathOf(directory));
  if (names.status().code() == StatusCode::kNotFound) return page;
  SPILLWAY_RETURN_IF_ERROR(names.status());
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    if (directory.empty() && name == kUploads) continue;
    const std::string key = directory.empty() ? name : JoinPath(directory, name);
    const auto st = StatPath(PathOf(key));
    if (!st.ok()) continue;  // gone meanwhile, or a dangling link
    if (S_ISDIR(st->st_mode)) {
      page.directories.push_back(key);
    } else {
      page.objects.push_back(ObjectInfo{key, st->st_size, EtagOf(*st),
                                        st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1'000'000,
                                        std::nullopt});
    }
  }
  return page;
}

Status LocalUnderStore::Get(const std::string& key, int64_t offset, int64_t length,
                            const GetOptions&, const Sink& sink) {
  PosixFileEnv env;
  SPILLWAY_ASSIGN_OR_RETURN(const struct stat st, StatPath(PathOf(key)));
  if (S_ISDIR(st.st_mode)) return NotFound("{} is a directory", PathOf(key));
  const int fd = ::open(PathOf(key).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "Cannot open", PathOf(key));
  std::string buffer(std::min(kPieceBytes, std::max<int64_t>(length, 1)), '\0');
  Status status;
  while (length > 0 && status.ok()) {
    const ssize_t n = ::pread(fd, buffer.data(), std::min<int64_t>(buffer.size(), length), offset);
    if (n < 0) status = ErrnoStatus(errno, "Cannot read", PathOf(key));
    if (n <= 0) break;
    status = sink(std::string_view(buffer.data(), n));
    offset += n;
    length -= n;
  }
  ::close(fd);
  return status;
}

StatusOr<PutResult> LocalUnderStore::Publish(const std::string& temp, const std::string& key,
                                             const PutOptions& options) {
  const std::string path = PathOf(key);
  if (!options.if_match.empty()) {
    const auto old = StatPath(path);
    if (!old.ok() || EtagOf(*old) != options.if_match)
      return MakeStatus(StatusCode::kFailedPrecondition, "{} was changed by others", path);
  }
  ::chmod(temp.c_str(), options.mode & 07777);
  SPILLWAY_ASSIGN_OR_RETURN(const struct stat st, StatPath(temp));
  int error = MoveFile(temp, path, options.if_absent);
  if (error == ENOENT) {
    PosixFileEnv env;
    SPILLWAY_RETURN_IF_ERROR(env.CreateDirs(ParentPath(path)));
    error = MoveFile(temp, path, options.if_absent);
  }
  if (error == EISDIR || error == EEXIST) {
    return MakeStatus(StatusCode::kFailedPrecondition, "{} {}", path,
                      error == EISDIR ? "is a directory" : "already exists");
  }
  if (error != 0) return ErrnoStatus(error, "Cannot rename", temp);
  return PutResult{EtagOf(st)};
}

// A file that has no name before it is whole: nothing is left of a broken upload, and uploads do
// not wait for each other at a common folder.
struct LocalUnderStore::NewFile {
  int fd = -1;  // of file
  std::unique_ptr<File> file;
  std::string path;  // that it is to have
};

// Neither durable nor published. UNIMPLEMENTED where the file system does not know unnamed files.
StatusOr<LocalUnderStore::NewFile> LocalUnderStore::WriteNew(const std::string& key,
                                                             BodySource& body,
                                                             const PutOptions& options) {
  const std::string path = PathOf(key);
  const std::string folder = ParentPath(path);
  const bool direct = body.size_bytes() >= kDirectBytesMin;
  const int flags = O_TMPFILE | O_RDWR | O_CLOEXEC | (direct ? O_DIRECT : 0);
  int fd = ::open(folder.c_str(), flags, 0666);
  if (fd < 0 && errno == ENOENT) {
    PosixFileEnv env;
    SPILLWAY_RETURN_IF_ERROR(env.CreateDirs(folder));
    fd = ::open(folder.c_str(), flags, 0666);
  }
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOENT))
    return MakeStatus(StatusCode::kUnimplemented, "{} takes no unnamed files.", folder);
  if (fd < 0) return ErrnoStatus(errno, "Cannot create a file in", folder);
  NewFile file{fd, AdoptFile(fd, path), path};
  SPILLWAY_RETURN_IF_ERROR(WriteWhole(*file.file, direct, body, options.crc32c));
  if (::fchmod(fd, options.mode & 07777) != 0) return ErrnoStatus(errno, "Cannot chmod", path);
  return file;
}

StatusOr<PutResult> LocalUnderStore::PublishNew(const NewFile& file) {
  struct stat st {};
  if (::fstat(file.fd, &st) != 0) return ErrnoStatus(errno, "Cannot stat", file.path);
  const std::string unnamed = fmt::format("/proc/self/fd/{}", file.fd);
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, file.path.c_str(), AT_SYMLINK_FOLLOW) == 0)
    return PutResult{EtagOf(st)};
  if (errno == EEXIST)
    return MakeStatus(StatusCode::kFailedPrecondition, "{} already exists", file.path);
  return ErrnoStatus(errno, "Cannot publish", file.path);
}

std::vector<StatusOr<PutResult>> LocalUnderStore::PutMany(const std::vector<PutRequest>& puts) {
  std::vector<StatusOr<PutResult>> results(puts.size(), Internal("not put"));
  std::vector<std::pair<size_t, NewFile>> written;
  for (size_t i = 0; i < puts.size(); ++i) {
    const PutRequest& put = puts[i];
    if (put.options.if_absent && put.body->size_bytes() < kDirectBytesMin) {
      auto file = WriteNew(put.key, *put.body, put.options);
      if (file.ok()) {
        written.emplace_back(i, std::move(*file));
        continue;
      }
      results[i] = file.status();
      if (file.status().code() != StatusCode::kUnimplemented) continue;
    }
    results[i] = Put(put.key, *put.body, put.options);
  }
  // Should it fail, each file says whether it is concerned.
  const bool all = written.size() > 1 && ::syncfs(written.front().second.fd) == 0;
  for (const auto& [i, file] : written) {
    const Status synced = all ? absl::OkStatus() : file.file->Sync();
    results[i] = synced.ok() ? PublishNew(file) : synced;
  }
  return results;
}

StatusOr<PutResult> LocalUnderStore::Put(const std::string& key, BodySource& body,
                                         const PutOptions& options) {
  if (options.if_absent) {
    const auto file = WriteNew(key, body, options);
    if (file.ok()) {
      SPILLWAY_RETURN_IF_ERROR(file->file->Sync());
      return PublishNew(*file);
    }
    if (file.status().code() != StatusCode::kUnimplemented) return file.status();
  }
  PosixFileEnv env;
  const std::string folder = PathOf(kUploads);
  const std::string temp = JoinPath(folder, NewUploadName());
  Status status;
  {
    bool direct = body.size_bytes() >= kDirectBytesMin;
    auto file = OpenToWrite(temp, /*create=*/true, &direct);
    if (file.status().code() == StatusCode::kNotFound) {
      SPILLWAY_RETURN_IF_ERROR(env.CreateDirs(folder));
      file = OpenToWrite(temp, /*create=*/true, &direct);
    }
    SPILLWAY_RETURN_IF_ERROR(file.status());
    status = WriteWhole(**file, direct, body, options.crc32c);
    if (status.ok()) status = (*file)->Sync();
  }
  if (status.ok()) {
    auto published = Publish(temp, key, options);
    if (published.ok()) return published;
    status = published.status();
  }
  (void)env.Remove(temp);
  return status;
}

StatusOr<std::string> LocalUnderStore::CreateMultipart(const std::string&,
                                                       const PutOptions& options) {
  if (options.part_bytes <= 0) return InvalidArgument("An upload needs the length of its parts.");
  PosixFileEnv env;
  const std::string folder = PathOf(kUploads);
  const std::string id = fmt::format("{}{}{}", NewUploadName(), kPartsMark, options.part_bytes);
  SPILLWAY_RETURN_IF_ERROR(env.CreateDirs(folder));
  SPILLWAY_RETURN_IF_ERROR(env.Open(JoinPath(folder, id), true).status());
  return id;
}

// Each part is written where it belongs in the file that is to be published: there is nothing to be
// put together in the end.
StatusOr<UploadedPart> LocalUnderStore::UploadPart(const std::string&, const std::string& upload_id,
                                                   int number, BodySource& body,
                                                   std::optional<uint32_t> crc32c) {
  const auto part_bytes = PartBytesOf(upload_id);
  if (!part_bytes) return NotFound("No upload {}", upload_id);
  if (number < 1 || body.size_bytes() > *part_bytes) {
    return InvalidArgument("Part {} of upload {} has {} bytes.", number, upload_id,
                           body.size_bytes());
  }
  if (crc32c) SPILLWAY_RETURN_IF_ERROR(CheckBody(body, *crc32c));
  bool direct = *part_bytes % kUnit == 0;
  SPILLWAY_ASSIGN_OR_RETURN(const auto file, OpenToWrite(JoinPath(PathOf(kUploads), upload_id),
                                                         /*create=*/false, &direct));
  const int64_t base = (number - 1) * *part_bytes;
  SPILLWAY_ASSIGN_OR_RETURN(const uint32_t crc, direct ? WriteBodyDirect(*file, base, body, crc32c)
                                                       : WriteBody(*file, base, body, crc32c));
  if (body.size_bytes() < *part_bytes)  // the last one
    SPILLWAY_RETURN_IF_ERROR(file->Truncate(base + body.size_bytes()));
  SPILLWAY_RETURN_IF_ERROR(file->Sync());
  return UploadedPart{number, fmt::format("{:08x}", crc), crc, body.size_bytes()};
}

StatusOr<PutResult> LocalUnderStore::CompleteMultipart(const std::string& key,
                                                       const std::string& upload_id,
                                                       const std::vector<UploadedPart>& parts,
                                                       const PutOptions& options) {
  const auto part_bytes = PartBytesOf(upload_id);
  const std::string temp = JoinPath(PathOf(kUploads), upload_id);
  if (!part_bytes) return NotFound("No upload {}", upload_id);
  PosixFileEnv env;
  {
    SPILLWAY_ASSIGN_OR_RETURN(auto whole, env.Open(temp, false));
    SPILLWAY_ASSIGN_OR_RETURN(const int64_t size, whole->Size());
    const auto count = static_cast<int64_t>(parts.size());
    if (size > count * *part_bytes || size <= (count - 1) * *part_bytes)
      return InvalidArgument("Upload {} has {} bytes in {} parts.", upload_id, size, count);
    SPILLWAY_RETURN_IF_ERROR(whole->Sync());
  }
  return Publish(temp, key, options);
}

Status LocalUnderStore::AbortMultipart(const std::string&, const std::string& upload_id) {
  std::error_code ignored;
  std::filesystem::remove_all(JoinPath(PathOf(kUploads), upload_id), ignored);
  return absl::OkStatus();
}

StatusOr<std::vector<DeleteFailure>> LocalUnderStore::Delete(
    const std::vector<DeleteRequest>& requests) {
  std::vector<DeleteFailure> failures;
  for (const auto& [key, if_match] : requests) {
    if (::unlink(PathOf(key).c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
      failures.push_back({key, ErrnoStatus(errno, "Cannot delete", PathOf(key))});
    }
  }
  return failures;
}

StatusOr<PutResult> LocalUnderStore::Copy(const std::string& source, const std::string& target,
                                          const CopyOptions&) {
  PosixFileEnv env;
  SPILLWAY_ASSIGN_OR_RETURN(const struct stat st, StatPath(PathOf(source)));
  SPILLWAY_RETURN_IF_ERROR(env.CreateDirs(PathOf(kUploads)));
  const std::string temp = JoinPath(PathOf(kUploads), NewUploadName());
  std::error_code error;
  std::filesystem::copy_file(PathOf(source), temp, error);
  if (error) return ErrnoStatus(error.value(), "Cannot copy", PathOf(source));
  PutOptions options;
  options.mode = st.st_mode & 07777;
  return Publish(temp, target, options);
}

Status LocalUnderStore::MakeDirectory(const std::string& key, int mode) {
  PosixFileEnv env;
  SPILLWAY_RETURN_IF_ERROR(env.CreateDirs(PathOf(key)));
  ::chmod(PathOf(key).c_str(), mode & 07777);
  return absl::OkStatus();
}

Status LocalUnderStore::RemoveDirectory(const std::string& key) {
  if (::rmdir(PathOf(key).c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "Cannot remove folder", PathOf(key));
  }
  return absl::OkStatus();
}

}  // namespace spillway
