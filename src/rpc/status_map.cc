#include "rpc/status_map.h"

namespace spillway {
namespace {

constexpr size_t kTextBytesMax = 4000;

std::string Utf8Prefix(std::string text) {
  if (text.size() <= kTextBytesMax) return text;
  size_t end = kTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  StatusCode code = status.code();
  if (code == StatusCode::kUnimplemented || code == StatusCode::kCancelled ||
      code == StatusCode::kOutOfRange) {
    code = StatusCode::kUnknown;
  }
  return grpc::Status(static_cast<grpc::StatusCode>(code), Utf8Prefix(Message(status)));
}

grpc::Status ChangedToGrpc(const Status& status) {
  return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, Utf8Prefix(Message(status)));
}

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return Status(static_cast<StatusCode>(status.error_code()), status.error_message());
}

}  // namespace spillway
