// The door for names and path parsing: what passes is text, what comes out is normalized, and
// taking it apart and putting it together agree.
#include "common/path.h"

#include "common/names.h"

#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  using fuzz::Require;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::Status door = CheckText("The text", text);
  Require(IsValidUtf8(Message(door)));
  Require(!door.ok() || (IsValidUtf8(text) && text.find('\0') == std::string_view::npos));
  Require(IsValidUtf8(Printable(std::string(text))));
  Require(!IsValidUtf8(text) || IsValidUtf8(Utf8Prefix(text, size / 2)));
  Require(!CheckName(text).ok() || NormalizePath("/" + std::string(text)).ok());
  const auto path = NormalizePath(text);
  if (!path.ok()) {
    Require(IsValidUtf8(Message(path.status())));
    return 0;
  }
  Require(door.ok() && IsValidUtf8(*path));
  Require(path->front() == '/');
  Require(path->find("//") == std::string::npos);
  Require(path->find('\0') == std::string::npos);
  Require(*path == "/" || path->back() != '/');
  const auto again = NormalizePath(*path);
  Require(again.ok() && *again == *path);
  std::string joined = "/";
  for (const std::string& name : PathComponents(*path)) {
    Require(!name.empty() && name != "." && name != ".." && name.size() <= kNameBytesMax);
    joined = JoinPath(joined, name);
  }
  Require(joined == *path);
  if (*path != "/") Require(JoinPath(ParentPath(*path), BaseName(*path)) == *path);
  Require(IsWithin(*path, ParentPath(*path)) && IsWithin(*path, "/") && IsWithin(*path, *path));
  return 0;
}
