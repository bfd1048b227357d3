#include "rpc/master/java_object.h"

#include <vector>

namespace spillway {
namespace {

constexpr int kDepthMax = 64;
constexpr int kFirstHandle = 0x7E0000;
constexpr uint8_t kNull = 0x70, kReference = 0x71, kClassDescription = 0x72, kObject = 0x73,
                  kString = 0x74, kArray = 0x75, kClass = 0x76, kBlockData = 0x77,
                  kEndBlockData = 0x78, kBlockDataLong = 0x7A, kLongString = 0x7C, kEnum = 0x7E;
constexpr uint8_t kWriteMethod = 0x01, kSerializable = 0x02, kExternalizable = 0x04;

struct ClassDescription {
  std::string name;
  uint8_t flags = 0;
  std::vector<std::pair<char, std::string>> fields;  // type code, name
  const ClassDescription* parent = nullptr;
};

Status Broken(const char* what) {
  return InvalidArgument("A serialized Java object cannot be read: {}.", what);
}

}  // namespace

class JavaReader {
 public:
  JavaReader(std::string_view bytes, std::deque<JavaValue>* values)
      : rest_(bytes), values_(values) {}

  StatusOr<const JavaValue*> ReadStream() {
    SPILLWAY_ASSIGN_OR_RETURN(const uint64_t header, Number(4));
    if (header != 0xACED0005) return Broken("it does not begin as one of version 5 does");
    return ReadContent();
  }

 private:
  struct Handle {
    const JavaValue* value = nullptr;
    const ClassDescription* description = nullptr;
  };

  StatusOr<std::string_view> Bytes(uint64_t count) {
    if (count > rest_.size()) return Broken("it breaks off");
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }
  // Big endian.
  StatusOr<uint64_t> Number(int size) {
    SPILLWAY_ASSIGN_OR_RETURN(const std::string_view bytes, Bytes(static_cast<uint64_t>(size)));
    uint64_t number = 0;
    for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
    return number;
  }
  StatusOr<std::string> Text(int length_size) {
    SPILLWAY_ASSIGN_OR_RETURN(const uint64_t length, Number(length_size));
    SPILLWAY_ASSIGN_OR_RETURN(const std::string_view text, Bytes(length));
    return std::string(text);
  }
  JavaValue* NewValue() { return &values_->emplace_back(); }
  StatusOr<Handle> Referred() {
    SPILLWAY_ASSIGN_OR_RETURN(const uint64_t handle, Number(4));
    if (handle < kFirstHandle || handle - kFirstHandle >= handles_.size())
      return Broken("it refers to what it does not have");
    return handles_[handle - kFirstHandle];
  }

  StatusOr<const JavaValue*> ReadContent() {
    if (++depth_ > kDepthMax) return Broken("it is nested too deeply");
    auto value = ReadContentAtDepth();
    --depth_;
    return value;
  }
  StatusOr<const JavaValue*> ReadContentAtDepth();
  StatusOr<const JavaValue*> ReadObject();
  StatusOr<const JavaValue*> ReadEnum();
  StatusOr<const JavaValue*> ReadArray();
  StatusOr<const JavaValue*> ReadString(int length_size);
  StatusOr<const ClassDescription*> ReadClassDescription();
  StatusOr<const ClassDescription*> ReadNewClassDescription();
  StatusOr<const JavaValue*> ReadPrimitiveOrContent(char type);
  Status SkipAnnotation();

  std::string_view rest_;
  std::deque<JavaValue>* const values_;
  std::deque<ClassDescription> descriptions_;
  std::vector<Handle> handles_;
  int depth_ = 0;
};

StatusOr<const JavaValue*> JavaReader::ReadContentAtDepth() {
  SPILLWAY_ASSIGN_OR_RETURN(const uint64_t code, Number(1));
  switch (code) {
    case kNull:
      return NewValue();
    case kReference: {
      SPILLWAY_ASSIGN_OR_RETURN(const Handle handle, Referred());
      return handle.value != nullptr ? handle.value : NewValue();
    }
    case kObject:
      return ReadObject();
    case kEnum:
      return ReadEnum();
    case kArray:
      return ReadArray();
    case kString:
      return ReadString(2);
    case kLongString:
      return ReadString(8);
    case kClass: {
      SPILLWAY_RETURN_IF_ERROR(ReadClassDescription().status());
      JavaValue* value = NewValue();
      handles_.push_back({value, nullptr});
      return value;
    }
    case kBlockData:
    case kBlockDataLong: {
      SPILLWAY_RETURN_IF_ERROR(Text(code == kBlockData ? 1 : 4).status());
      return NewValue();
    }
    default:
      return Broken("it has contents of an unknown kind");
  }
}

StatusOr<const JavaValue*> JavaReader::ReadString(int length_size) {
  JavaValue* value = NewValue();
  SPILLWAY_ASSIGN_OR_RETURN(value->text, Text(length_size));
  handles_.push_back({value, nullptr});
  return value;
}

StatusOr<const JavaValue*> JavaReader::ReadObject() {
  SPILLWAY_ASSIGN_OR_RETURN(const ClassDescription* description, ReadClassDescription());
  JavaValue* value = NewValue();
  handles_.push_back({value, nullptr});
  if (description == nullptr) return Broken("an object has no class");
  value->type = description->name;
  std::vector<const ClassDescription*> classes;
  for (const auto* at = description; at != nullptr; at = at->parent) {
    classes.push_back(at);
    if (classes.size() > kDepthMax) return Broken("it has too many superclasses");
  }
  for (auto it = classes.rbegin(); it != classes.rend(); ++it) {  // the uppermost first
    if ((*it)->flags & kSerializable) {
      for (const auto& [type, name] : (*it)->fields) {
        SPILLWAY_ASSIGN_OR_RETURN(value->fields[name], ReadPrimitiveOrContent(type));
      }
    }
    const bool annotated = (*it)->flags & (kWriteMethod | kExternalizable);
    if (annotated) SPILLWAY_RETURN_IF_ERROR(SkipAnnotation());
  }
  return value;
}

StatusOr<const JavaValue*> JavaReader::ReadEnum() {
  SPILLWAY_ASSIGN_OR_RETURN(const ClassDescription* description, ReadClassDescription());
  JavaValue* value = NewValue();
  handles_.push_back({value, nullptr});
  if (description != nullptr) value->type = description->name;
  SPILLWAY_ASSIGN_OR_RETURN(const JavaValue* constant, ReadContent());
  value->text = constant->text;
  return value;
}

StatusOr<const JavaValue*> JavaReader::ReadArray() {
  SPILLWAY_ASSIGN_OR_RETURN(const ClassDescription* description, ReadClassDescription());
  JavaValue* value = NewValue();
  handles_.push_back({value, nullptr});
  if (description == nullptr || description->name.size() < 2) return Broken("an array has no type");
  value->type = description->name;
  const char type = description->name[1];
  SPILLWAY_ASSIGN_OR_RETURN(const uint64_t count, Number(4));
  if (type == 'B') {
    SPILLWAY_ASSIGN_OR_RETURN(const std::string_view bytes, Bytes(count));
    value->text = std::string(bytes);
    return value;
  }
  for (uint64_t i = 0; i < count; ++i)
    SPILLWAY_RETURN_IF_ERROR(ReadPrimitiveOrContent(type).status());
  return value;
}

StatusOr<const JavaValue*> JavaReader::ReadPrimitiveOrContent(char type) {
  int size = 0;
  switch (type) {
    case 'B':
    case 'Z':
      size = 1;
      break;
    case 'C':
    case 'S':
      size = 2;
      break;
    case 'I':
    case 'F':
      size = 4;
      break;
    case 'J':
    case 'D':
      size = 8;
      break;
    case 'L':
    case '[':
      return ReadContent();
    default:
      return Broken("a field is of an unknown type");
  }
  JavaValue* value = NewValue();
  SPILLWAY_ASSIGN_OR_RETURN(const uint64_t number, Number(size));
  value->number = size == 4 ? static_cast<int32_t>(number) : static_cast<int64_t>(number);
  return value;
}

StatusOr<const ClassDescription*> JavaReader::ReadClassDescription() {
  if (++depth_ > kDepthMax) return Broken("it is nested too deeply");
  auto description = ReadNewClassDescription();
  --depth_;
  return description;
}

StatusOr<const ClassDescription*> JavaReader::ReadNewClassDescription() {
  SPILLWAY_ASSIGN_OR_RETURN(const uint64_t code, Number(1));
  if (code == kNull) return nullptr;
  if (code == kReference) {
    SPILLWAY_ASSIGN_OR_RETURN(const Handle handle, Referred());
    if (handle.description == nullptr) return Broken("a class is missing");
    return handle.description;
  }
  if (code != kClassDescription) return Broken("a class is described in an unknown way");
  ClassDescription* description = &descriptions_.emplace_back();
  SPILLWAY_ASSIGN_OR_RETURN(description->name, Text(2));
  SPILLWAY_RETURN_IF_ERROR(Number(8).status());  // serialVersionUID
  handles_.push_back({nullptr, description});
  SPILLWAY_ASSIGN_OR_RETURN(const uint64_t flags, Number(1));
  description->flags = static_cast<uint8_t>(flags);
  SPILLWAY_ASSIGN_OR_RETURN(const uint64_t count, Number(2));
  for (uint64_t i = 0; i < count; ++i) {
    SPILLWAY_ASSIGN_OR_RETURN(const uint64_t type, Number(1));
    SPILLWAY_ASSIGN_OR_RETURN(std::string name, Text(2));
    if (type == 'L' || type == '[') SPILLWAY_RETURN_IF_ERROR(ReadContent().status());
    description->fields.emplace_back(static_cast<char>(type), std::move(name));
  }
  SPILLWAY_RETURN_IF_ERROR(SkipAnnotation());
  SPILLWAY_ASSIGN_OR_RETURN(description->parent, ReadClassDescription());
  return description;
}

Status JavaReader::SkipAnnotation() {
  while (true) {
    if (rest_.empty()) return Broken("it breaks off");
    if (static_cast<uint8_t>(rest_.front()) == kEndBlockData) {
      rest_.remove_prefix(1);
      return absl::OkStatus();
    }
    SPILLWAY_RETURN_IF_ERROR(ReadContent().status());
  }
}

StatusOr<JavaObject> JavaObject::Parse(std::string_view bytes) {
  JavaObject object;
  SPILLWAY_ASSIGN_OR_RETURN(object.root_, JavaReader(bytes, &object.values_).ReadStream());
  return object;
}

const JavaValue* JavaObject::Field(const std::string& name) const {
  const auto it = root_->fields.find(name);
  return it == root_->fields.end() ? nullptr : it->second;
}

std::string JavaObject::Text(const std::string& field) const {
  const JavaValue* value = Field(field);
  return value == nullptr ? "" : value->text;
}

int64_t JavaObject::Number(const std::string& field) const {
  const JavaValue* value = Field(field);
  return value == nullptr ? 0 : value->number;
}

}  // namespace spillway
