// The text of a Java properties file, split as java.util.Properties splits it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace spillway {

struct PropertyKey;

struct PropertyLine {
  std::string key;
  std::string value;
  int number = 0;  // of the first line of the entry, from 1
};

// Returns the entries in order, with \t, \n, \r, \f and \uXXXX replaced. Bytes above 127 are taken
// as they are: the text is UTF-8, and \uXXXX becomes UTF-8. INVALID_ARGUMENT naming the line if an
// escape \u lacks its four digits, or is one half of a surrogate pair without the other.
StatusOr<std::vector<PropertyLine>> ParsePropertyText(std::string_view text);

// The spelling that the code compares with: true, false or the choice, whatever their case in
// value. Other values, malformed ones among them, are returned as they are.
std::string CanonicalPropertyValue(const PropertyKey& key, const std::string& value);

}  // namespace spillway
