#include "rpc/status_map.h"
#include "common/names.h"

namespace spillway {
namespace {

constexpr size_t kMessageBytesMax = 4000;

std::string TextOf(const Status& status) {
  return std::string(Utf8Prefix(Printable(Message(status), true), kMessageBytesMax));
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  StatusCode code = status.code();
  if (code == StatusCode::kUnimplemented || code == StatusCode::kCancelled ||
      code == StatusCode::kOutOfRange) {
    code = StatusCode::kUnknown;
  }
  return grpc::Status(static_cast<grpc::StatusCode>(code), TextOf(status));
}

grpc::Status ChangedToGrpc(const Status& status) {
  return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, TextOf(status));
}

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return Status(static_cast<StatusCode>(status.error_code()), status.error_message());
}

}  // namespace spillway
