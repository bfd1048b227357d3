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

// What a copy tells of the bytes that have passed. Thread-safe.
using Moved = std::function<void(int64_t bytes)>;

// Runs copy for all transfers, some at a time (spillway.user.copy.threads); prints failures.
int RunTransfers(Context& context, const std::string& what, const std::vector<Transfer>& transfers,
                 const std::function<Status(const Transfer&, const Moved&)>& copy);

// Appends what is to be copied of the local file or folder `source`, links followed, to the name
// `target`; folders are made by make_folder. What cannot be copied is told to `failed`, and what
// is beside it is copied: a link to nothing, a folder that cannot be listed or that is a link to
// one above it, a FIFO, a socket or a device. Source itself may be a character device (/dev/null).
void PlanUpload(const std::string& source, const std::string& target,
                const std::function<Status(const std::string& path)>& make_folder,
                const std::function<void(const Status&)>& failed, std::vector<Transfer>* transfers);

// Pieces of a local file, for FileSystem::WriteFile. NOT_FOUND if there is none, INVALID_ARGUMENT
// if it is a folder, FIFO, socket or block device: those are never waited for.
StatusOr<ByteSource> OpenLocalSource(const std::string& path, Moved moved = nullptr);

}  // namespace spillway::cli
