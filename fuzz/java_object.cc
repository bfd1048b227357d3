// Serialized Java objects: any bytes are read, or refused.
#include "rpc/master/java_object.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  // The header is known: half of the runs have it.
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size > 0 && (data[0] & 1) != 0) bytes = std::string("\xac\xed\x00\x05", 4) + bytes.substr(1);
  const auto object = JavaObject::Parse(bytes);
  if (!object.ok()) {
    fuzz::Require(!object.status().message().empty());
    return 0;
  }
  (void)object->type();
  for (const char* field : {"mPath", "mDestination", "mReplication", ""}) {
    (void)object->Text(field);
    (void)object->Number(field);
  }
  return 0;
}
