// Path parsing: what comes out is normalized, and taking it apart and putting it together agree.
#include "common/path.h"

#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spillway;
  using fuzz::Require;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto path = NormalizePath(text);
  if (!path.ok()) return 0;
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
