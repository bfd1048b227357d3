// A shell command: what it is called, what it takes, what it does. Each has a file of its own in
// fs/ or fsadmin/.
#pragma once

#include <functional>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "api/namespace_admin_api.h"
#include "client/file_system.h"
#include "common/config.h"

namespace spillway::cli {

struct Context {
  FileSystem* fs = nullptr;
  MasterApi* master = nullptr;
  NamespaceAdminApi* admin = nullptr;
  WorkerConnector* workers = nullptr;
  const Configuration* config = nullptr;
  Random* random = nullptr;
  std::ostream* out = nullptr;
  bool terminal = false;  // progress may be drawn on stderr
};

// Flags that were given and what is left.
struct Arguments {
  std::map<std::string, std::string> flags;              // "-R" -> ""; "-c" -> "10"
  std::vector<std::pair<std::string, std::string>> all;  // every one of repeated flags
  std::vector<std::string> values;
  bool Has(const std::string& flag) const { return flags.count(flag) > 0; }
  std::string Get(const std::string& flag, const std::string& otherwise) const {
    const auto it = flags.find(flag);
    return it == flags.end() ? otherwise : it->second;
  }
};

struct Flag {
  std::string name;  // "-R"
  bool takes_value = false;
  std::vector<std::string> aliases;  // "--recursive"
  std::string help;
};

// Exit codes are Alluxio's: 0, 255 for failures, and what a command says itself.
constexpr int kFailed = 255;

struct Command {
  std::string name;
  std::string usage;  // arguments only
  std::string help;
  std::vector<Flag> flags;
  int values_min = 0;
  int values_max = 0;  // -1: any number
  // A failed status is printed, and the exit code is kFailed.
  std::function<StatusOr<int>(Context&, const Arguments&)> run;
  bool any_flags = false;  // whatever is given: the command says that it is not offered
};

// Finds and runs argv[0] among commands. help lists them.
int RunCommand(const std::string& shell, const std::vector<Command>& commands, Context& context,
               const std::vector<std::string>& argv);

const std::vector<Command>& FsCommands();
const std::vector<Command>& FsAdminCommands();
const std::vector<Command>& JobCommands();
// Of the shells fs, fsadmin and job; null for others.
const std::vector<Command>* CommandsOf(const std::string& shell);

// Paths that a pattern with '*' names, in order; a path without one names itself. NOT_FOUND if a
// pattern matches nothing.
StatusOr<std::vector<std::string>> ExpandPath(Context& context, const std::string& pattern);

// Runs each for every path of a pattern; prints the text of every failure, a pattern that matches
// nothing among them, and goes on. Returns 0, or kFailed if anything failed.
int ForEachPath(Context& context, const std::string& pattern,
                const std::function<Status(const std::string&)>& each);

}  // namespace spillway::cli
