// Namespace paths: absolute, '/'-separated, no empty, "." or ".." component, no trailing slash.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace spillway {

inline constexpr size_t kNameBytesMax = 1024;

// Cleans a client's path: drops alluxio://authority, doubled and trailing slashes, resolves "." and
// "..". INVALID_ARGUMENT for what is empty, relative, escapes the root or has a name over
// kNameBytesMax bytes or a NUL.
StatusOr<std::string> NormalizePath(std::string_view path);

// Of normalized paths:
std::vector<std::string> PathComponents(std::string_view path);  // "/" has none
std::string ParentPath(std::string_view path);                   // "/" is its own parent
std::string BaseName(std::string_view path);                     // "" for "/"
std::string JoinPath(std::string_view parent, std::string_view name);
// True if path is ancestor or lies below it.
bool IsWithin(std::string_view path, std::string_view ancestor);

}  // namespace spillway
