// An upload is one file in the internal folder from the beginning: its id says how long parts are,
// each is written where it belongs, and completing it is a rename.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "common/file_env.h"
#include "understore/local/local_under_store.h"

namespace spillway {
namespace {

constexpr std::string_view kPartsMark = ".parts-of-";
constexpr size_t kIdBytesMax = 128;
constexpr int kUploadModeMask = 0777;

// How long the parts of an upload are, which its id says. Nothing if no store gave it.
std::optional<int64_t> PartBytesOf(const std::string& upload_id) {
  const size_t at = upload_id.rfind(kPartsMark);
  if (at == std::string::npos || at == 0 || upload_id.size() > kIdBytesMax) return std::nullopt;
  const std::string digits = upload_id.substr(at + kPartsMark.size());
  const bool good = std::all_of(upload_id.begin(), upload_id.begin() + static_cast<int64_t>(at),
                                [](char c) { return absl::ascii_isalnum(c) || c == '-'; }) &&
                    std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit);
  int64_t bytes = 0;
  return good && absl::SimpleAtoi(digits, &bytes) && bytes > 0 ? std::optional(bytes)
                                                               : std::nullopt;
}

Status CheckParts(const std::string& upload_id, int64_t part_bytes, int64_t size_bytes,
                  const std::vector<UploadedPart>& parts) {
  const auto count = static_cast<int64_t>(parts.size());
  if (count == 0 || (size_bytes - 1) / part_bytes + 1 != count || size_bytes == 0)
    return InvalidArgument("Upload {} has {} bytes in {} parts.", upload_id, size_bytes, count);
  for (int64_t i = 0; i < count; ++i) {
    const UploadedPart& part = parts[static_cast<size_t>(i)];
    const bool short_one = part.size_bytes > 0 && part.size_bytes != part_bytes && i + 1 < count;
    if (part.number != i + 1 || short_one) {
      return InvalidArgument("Upload {}: part {} of {} bytes is not the one that is expected.",
                             upload_id, part.number, part.size_bytes);
    }
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<OpenFile> LocalUnderStore::OpenParts(const OpenFolder& internal,
                                              const std::string& upload_id, int flags) {
  const int fd = calls().OpenName(internal.fd(), upload_id, flags | O_NONBLOCK, 0);
  if (fd < 0) return ErrnoStatus(-fd, "Cannot open upload", upload_id);
  OpenFile file{Descriptor(calls_, fd), {}};
  if (const int error = calls().Facts(fd, &file.facts); error < 0)
    return ErrnoStatus(-error, "Cannot look at upload", upload_id);
  if (!file.facts.is_file()) return NotFound("Upload {} is no file.", upload_id);
  return file;
}

StatusOr<std::string> LocalUnderStore::CreateMultipart(const std::string& key,
                                                       const PutOptions& options) {
  SPILLWAY_RETURN_IF_ERROR(CheckKey(key));
  if (options.part_bytes <= 0) return InvalidArgument("An upload needs the length of its parts.");
  SPILLWAY_ASSIGN_OR_RETURN(const FolderHandle internal, folder_.Internal());
  const std::string id = fmt::format("{}{}{}", NewName(), kPartsMark, options.part_bytes);
  // Nobody reads more of it than he may of the object.
  const auto mode = static_cast<uint32_t>((options.mode & kUploadModeMask & 0666) | 0600);
  const int fd = calls().OpenName(internal->fd(), id, O_RDWR | O_CREAT | O_EXCL, mode);
  if (fd < 0) return ErrnoStatus(-fd, "Cannot create upload", id);
  calls().Close(fd);
  SPILLWAY_RETURN_IF_ERROR(folder_.MakeDurable(*internal));
  return id;
}

StatusOr<UploadedPart> LocalUnderStore::UploadPart(const std::string& key,
                                                   const std::string& upload_id, int number,
                                                   BodySource& body,
                                                   std::optional<uint32_t> crc32c) {
  SPILLWAY_RETURN_IF_ERROR(CheckKey(key));
  const auto part_bytes = PartBytesOf(upload_id);
  if (!part_bytes) return NotFound("No upload {}", upload_id);
  const int64_t size_bytes = body.size_bytes();
  if (number < 1 || size_bytes > *part_bytes || number > (INT64_MAX / 2) / *part_bytes)
    return InvalidArgument("Part {} of upload {} has {} bytes.", number, upload_id, size_bytes);
  // Before it is written where others may have written the right bytes.
  if (crc32c) SPILLWAY_RETURN_IF_ERROR(CheckBody(body, *crc32c));
  SPILLWAY_ASSIGN_OR_RETURN(const FolderHandle internal, folder_.Internal());
  bool direct = *part_bytes % kDirectUnit == 0;
  auto file = OpenParts(*internal, upload_id, O_RDWR | (direct ? O_DIRECT : 0));
  if (direct && file.status().code() != StatusCode::kNotFound && !file.ok()) {
    direct = false;
    file = OpenParts(*internal, upload_id, O_RDWR);
  }
  SPILLWAY_RETURN_IF_ERROR(file.status());
  const int fd = file->fd();
  const int64_t base = (number - 1) * *part_bytes;
  SPILLWAY_ASSIGN_OR_RETURN(const uint32_t crc,
                            WriteBody({calls_, fd, direct, upload_id}, base, body, crc32c));
  int error = size_bytes < *part_bytes ? calls().Truncate(fd, base + size_bytes) : 0;  // the last
  if (error < 0) return ErrnoStatus(-error, "Cannot truncate upload", upload_id);
  error = calls().Sync(fd);
  if (error < 0) return ErrnoStatus(-error, "Cannot sync upload", upload_id);
  return UploadedPart{number, fmt::format("{:08x}", crc), crc, size_bytes};
}

StatusOr<PutResult> LocalUnderStore::CompleteMultipart(const std::string& key,
                                                       const std::string& upload_id,
                                                       const std::vector<UploadedPart>& parts,
                                                       const PutOptions& options) {
  SPILLWAY_RETURN_IF_ERROR(CheckKey(key));
  const auto part_bytes = PartBytesOf(upload_id);
  if (!part_bytes) return NotFound("No upload {}", upload_id);
  SPILLWAY_ASSIGN_OR_RETURN(FolderHandle internal, folder_.Internal());
  auto file = OpenParts(*internal, upload_id, O_RDWR);
  if (file.status().code() == StatusCode::kNotFound) {
    // An earlier call, whose answer was lost, may have published it.
    SPILLWAY_RETURN_IF_ERROR(MakeStandingDurable(key));
  }
  SPILLWAY_RETURN_IF_ERROR(file.status());
  SPILLWAY_RETURN_IF_ERROR(CheckParts(upload_id, *part_bytes, file->facts.size_bytes, parts));
  SPILLWAY_ASSIGN_OR_RETURN(Place place, folder_.FindOrMake(key));
  StagedFile staged{key, std::move(place), *std::move(file), false,
                    TemporaryName(calls_, std::move(internal), upload_id)};
  auto published = [&]() -> StatusOr<PutResult> {
    SPILLWAY_RETURN_IF_ERROR(Finish(staged, options.mode));
    return PublishDurably(staged, {options.if_absent, options.if_match});
  }();
  // Who failed may try again.
  if (!published.ok()) staged.temporary.Release();
  return published;
}

Status LocalUnderStore::AbortMultipart(const std::string&, const std::string& upload_id) {
  if (!PartBytesOf(upload_id)) return absl::OkStatus();
  SPILLWAY_ASSIGN_OR_RETURN(const FolderHandle internal, folder_.Internal());
  const int error = calls().Unlink(internal->fd(), upload_id);
  if (error < 0 && error != -ENOENT) return ErrnoStatus(-error, "Cannot abort upload", upload_id);
  return folder_.MakeDurable(*internal);
}

}  // namespace spillway
