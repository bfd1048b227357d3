// Where a local cluster keeps its blocks: a folder on tmpfs of its own.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"

namespace spillway {

// Of the cluster in dir, which is absolute and normal. Different folders get different names, but
// for very long ones, which ClaimMemory tells apart.
std::string MemoryFolder(const std::string& dir);

// Makes it and notes whose it is. ALREADY_EXISTS if it is another cluster's. What an older version
// has kept under a name that did not tell '/' from '_' is taken over, unless the cluster begins
// anew (fresh).
Status ClaimMemory(const std::string& dir, bool fresh);

struct Leftover {
  std::string folder;
  std::string dir;  // of the cluster that is gone
};
// Folders of clusters whose own folder is gone and of which no worker runs. Folders of which nobody
// knows whose they are do not count.
std::vector<Leftover> LeftoverMemory();

}  // namespace spillway
