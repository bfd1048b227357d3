// The process's environment as a parameter, so that tests have one of their own.
#pragma once

#include <cstdlib>
#include <functional>
#include <string>

namespace spillway {

// The variable's value; empty if it is not set.
using Environment = std::function<std::string(const std::string& name)>;

inline std::string SystemEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

}  // namespace spillway
