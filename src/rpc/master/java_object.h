// Reads serialized Java objects, as Alluxio's shell submits them to the job service. The format is
// that of the Java Object Serialization Specification, version 5 of the stream protocol.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "common/status.h"

namespace spillway {

// What is kept of a value: enough to know what is asked for.
struct JavaValue {
  std::string type;    // name of its class; empty for primitives, strings and null
  std::string text;    // a string, an enum's constant, a byte array's bytes
  int64_t number = 0;  // an integer or a boolean
  std::map<std::string, const JavaValue*> fields;  // its superclasses' too
};

// An object with all that it refers to. Not copied: values point to each other.
class JavaObject {
 public:
  JavaObject(JavaObject&&) = default;
  JavaObject(const JavaObject&) = delete;

  // INVALID_ARGUMENT for what is no such stream, broken off, or nested too deeply.
  static StatusOr<JavaObject> Parse(std::string_view bytes);

  const std::string& type() const { return root_->type; }
  // Of a field of the object itself; empty and 0 if there is none.
  std::string Text(const std::string& field) const;
  int64_t Number(const std::string& field) const;

 private:
  friend class JavaReader;
  JavaObject() = default;
  const JavaValue* Field(const std::string& name) const;

  std::deque<JavaValue> values_;
  const JavaValue* root_ = nullptr;
};

}  // namespace spillway
