#include "rpc/request_text.h"

#include "common/names.h"
#include "rpc/buffers.h"

namespace spillway {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

Status CheckField(const google::protobuf::Message& message, const Reflection& reflection,
                  const FieldDescriptor& field) {
  const bool text = field.type() == FieldDescriptor::TYPE_STRING;
  if (!text && field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return absl::OkStatus();
  const auto check = [&](const std::string& value) {
    return CheckText("The field " + field.name(), value);
  };
  std::string scratch;
  if (!field.is_repeated()) {
    if (text) return check(reflection.GetStringReference(message, &field, &scratch));
    return CheckRequestText(reflection.GetMessage(message, &field));
  }
  const int count = reflection.FieldSize(message, &field);
  for (int i = 0; i < count; ++i) {
    SPILLWAY_RETURN_IF_ERROR(
        text ? check(reflection.GetRepeatedStringReference(message, &field, i, &scratch))
             : CheckRequestText(reflection.GetRepeatedMessage(message, &field, i)));
  }
  return absl::OkStatus();
}

}  // namespace

Status CheckRequestText(const google::protobuf::Message& request) {
  const Reflection& reflection = *request.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(request, &fields);
  for (const FieldDescriptor* field : fields)
    SPILLWAY_RETURN_IF_ERROR(CheckField(request, reflection, *field));
  return absl::OkStatus();
}

Status ReadRequest(const std::string& what, const grpc::ByteBuffer& buffer,
                   google::protobuf::Message* request) {
  if (!FromBuffer(buffer, request))
    return InvalidArgument(
        "{}: the request cannot be read: it is broken, or text in it is not UTF-8.", what);
  const Status status = CheckRequestText(*request);
  return status.ok() ? status : Annotate(status, what);
}

}  // namespace spillway
