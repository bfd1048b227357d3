// POSIX permission checks.
#include <algorithm>

#include "common/path.h"
#include "master/master.h"

namespace spillway {

bool Master::IsSuperUser(const Caller& caller) const {
  return caller.user == options_.superuser || std::find(caller.groups.begin(), caller.groups.end(),
                                                        options_.supergroup) != caller.groups.end();
}

bool Master::Allows(const Caller& caller, const state::Inode& inode, int bits) const {
  if (!options_.permission_enabled || IsSuperUser(caller)) return true;
  int shift = 0;
  if (caller.user == inode.owner()) {
    shift = 6;
  } else if (std::find(caller.groups.begin(), caller.groups.end(), inode.group()) !=
             caller.groups.end()) {
    shift = 3;
  }
  return ((static_cast<int>(inode.mode()) >> shift) & bits) == bits;
}

Status Master::CheckBits(const Caller& caller, const state::Inode& inode, int bits,
                         const std::string& path) const {
  if (Allows(caller, inode, bits)) return absl::OkStatus();
  std::string access;
  access += bits & kRead ? 'r' : '-';
  access += bits & kWrite ? 'w' : '-';
  access += bits & kExecute ? 'x' : '-';
  return spillway::MakeStatus(StatusCode::kPermissionDenied,
                              "Permission denied: user={}, access={}, path={}: failed at {}, inode "
                              "owner={}, inode group={}, "
                              "inode mode={:o}",
                              caller.user, access, path, inode.name().empty() ? "/" : inode.name(),
                              inode.owner(), inode.group(), inode.mode());
}

Status Master::CheckTraverse(const Caller& caller, const Lookup& lookup,
                             const std::string& path) const {
  const size_t upto = lookup.found() ? lookup.chain.size() - 1 : lookup.chain.size();
  for (size_t i = 0; i < upto; ++i) {
    if (lookup.chain[i].is_directory()) {
      SPILLWAY_RETURN_IF_ERROR(CheckBits(caller, lookup.chain[i], kExecute, path));
    }
  }
  return absl::OkStatus();
}

Status Master::CheckParentWrite(const Caller& caller, const Lookup& lookup,
                                const std::string& path) const {
  SPILLWAY_RETURN_IF_ERROR(CheckTraverse(caller, lookup, path));
  const size_t parent =
      lookup.found() && lookup.chain.size() > 1 ? lookup.chain.size() - 2 : lookup.chain.size() - 1;
  return CheckBits(caller, lookup.chain[parent], kWrite, path);
}

}  // namespace spillway
