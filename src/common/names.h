// The one door for text that comes from outside: paths, names, owners, groups, subjects of ACLs,
// keys of extended attributes and properties, addresses of stores, users, options. What passes is
// valid UTF-8 (no surrogates, no overlong forms, nothing beyond U+10FFFF), has no NUL byte and no
// more bytes than its kind may have. Control characters pass: stores have keys with them.
// Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace spillway {

inline constexpr size_t kPathBytesMax = 8192;       // kNameBytesMax for a component (common/path.h)
inline constexpr size_t kPrincipalBytesMax = 1024;  // an owner, a group, a user, a subject
inline constexpr size_t kTextBytesMax = 65536;      // keys and values of options and properties

// How many bytes the code point has with which text begins; 0 if it is none.
size_t CodePointBytes(std::string_view text, uint32_t* point);

bool IsValidUtf8(std::string_view text);

// INVALID_ARGUMENT if text does not pass the door. what names it in the message: "The owner".
absl::Status CheckText(std::string_view what, std::string_view text,
                       size_t bytes_max = kTextBytesMax);

// One component of a path: also not empty, not "." or "..", and without a slash.
absl::Status CheckName(std::string_view name);

// For a path that is to be made: also no backslash. Stock clients take one for a slash (AlluxioURI
// of Alluxio 2.9), so none of them could ask for what is called so.
absl::Status CheckNewPath(std::string_view path);

// CheckText for the keys of a map: "The key of an extended attribute".
template <typename Map>
absl::Status CheckKeys(std::string_view what, const Map& map,
                       size_t bytes_max = kPrincipalBytesMax) {
  for (const auto& [key, value] : map) {
    if (absl::Status status = CheckText(what, key, bytes_max); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// text for messages and logs: what is not UTF-8 and control characters are written as \xNN. True in
// keep_lines leaves line ends and tabs as they are.
std::string Printable(std::string text, bool keep_lines = false);

// At most bytes_max bytes of text, cut before a code point.
std::string_view Utf8Prefix(std::string_view text, size_t bytes_max);

}  // namespace spillway
