// Many files copied at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace spillway::cli {

struct Transfer {
  std::string source;
  std::string target;
  int64_t size_bytes = 0;
  bool part_of_tree = false;
};

// Prints a line; for copies that run side by side.
void Say(Context& context, const std::string& line);

// Runs copy for all transfers, some at a time (spillway.user.copy.threads); prints failures.
int RunTransfers(Context& context, const std::string& what, const std::vector<Transfer>& transfers,
                 const std::function<Status(const Transfer&)>& copy);

// Pieces of a local file, for FileSystem::WriteFile. NOT_FOUND if it cannot be opened.
StatusOr<ByteSource> OpenLocalSource(const std::string& path);

}  // namespace spillway::cli
