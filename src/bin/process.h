// What every server process does: read its configuration, log.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "common/config.h"

namespace spillway {

// Splits -Dkey=value and --conf FILE off arguments; loads the site file ($ALLUXIO_CONF_DIR,
// $SPILLWAY_CONF_DIR, or conf/ beside bin/, if there is one) first.
Status LoadConfiguration(std::vector<std::string>* arguments, Configuration* config);

// Of master and worker, before any thread is started: signals are watched (bin/ending.h).
void BeginServer(const std::string& role);

// Makes a folder if it is missing and locks it until the process ends. FAILED_PRECONDITION if
// another process has it.
Status OwnFolder(const std::string& folder);

// Raises the limit of open files as far as the process may, logs it, and returns it.
int64_t RaiseOpenFiles();

// Mains of the roles. Return exit codes; 0 is a clean end.
// restore_from: a backup to begin with, or empty.
int MasterMain(const Configuration& config, const std::string& restore_from);
int WorkerMain(const Configuration& config);
int LocalMain(std::vector<std::string> arguments, const std::string& program);

// The directory of the running program's binary.
std::string ProgramPath();

}  // namespace spillway
