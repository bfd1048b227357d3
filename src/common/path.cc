#include "common/path.h"

#include "common/names.h"

namespace spillway {

StatusOr<std::string> NormalizePath(std::string_view path) {
  SPILLWAY_RETURN_IF_ERROR(CheckText("The path", path, kPathBytesMax));
  std::string_view rest = path;
  if (const size_t scheme = rest.find("://");
      scheme != std::string_view::npos && rest.find('/') == scheme + 1) {
    const size_t slash = rest.find('/', scheme + 3);
    rest = slash == std::string_view::npos ? "/" : rest.substr(slash);
  }
  if (rest.empty() || rest[0] != '/') {
    return InvalidArgument("Path \"{}\" is invalid: an absolute path is needed.", path);
  }
  std::vector<std::string_view> parts;
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (parts.empty()) return InvalidArgument("Path \"{}\" leaves the root.", path);
      parts.pop_back();
      continue;
    }
    if (part.size() > kNameBytesMax) {
      return InvalidArgument("Path is invalid: a name of {} bytes is longer than {}.", part.size(),
                             kNameBytesMax);
    }
    parts.push_back(part);
  }
  if (parts.empty()) return std::string("/");
  std::string clean;
  for (const std::string_view part : parts) {
    clean += '/';
    clean += part;
  }
  return clean;
}

std::vector<std::string> PathComponents(std::string_view path) {
  std::vector<std::string> parts;
  size_t at = 1;
  while (at < path.size()) {
    size_t slash = path.find('/', at);
    if (slash == std::string_view::npos) slash = path.size();
    parts.emplace_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

std::string ParentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

std::string BaseName(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string JoinPath(std::string_view parent, std::string_view name) {
  std::string joined(parent);
  if (joined.empty() || joined.back() != '/') joined += '/';
  joined += name;
  return joined;
}

bool IsWithin(std::string_view path, std::string_view ancestor) {
  if (ancestor == "/") return true;
  return path.substr(0, ancestor.size()) == ancestor &&
         (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

}  // namespace spillway
