// POSIX permission checks.
#include <algorithm>

#include "common/path.h"
#include "master/master.h"
#include "master/state/acl.h"

namespace spillway {

bool Master::IsSuperUser(const Caller& caller) const {
  return caller.user == options_.superuser || std::find(caller.groups.begin(), caller.groups.end(),
                                                        options_.supergroup) != caller.groups.end();
}

bool Master::Allows(const Caller& caller, const state::Inode& inode, int bits) const {
  if (!options_.permission_enabled || IsSuperUser(caller)) return true;
  return AclAllows(inode, caller.user, caller.groups, bits);
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
  return CheckSound(lookup);
}

Status Master::CheckParentWrite(const Caller& caller, const Lookup& lookup,
                                const std::string& path) const {
  SPILLWAY_RETURN_IF_ERROR(CheckTraverse(caller, lookup, path));
  const size_t parent =
      lookup.found() && lookup.chain.size() > 1 ? lookup.chain.size() - 2 : lookup.chain.size() - 1;
  return CheckBits(caller, lookup.chain[parent], kWrite, path);
}

Status Master::CheckOwner(const Caller& caller, const state::Inode& inode,
                          const std::string& path) const {
  if (!options_.permission_enabled || IsSuperUser(caller) || caller.user == inode.owner())
    return absl::OkStatus();
  return spillway::MakeStatus(StatusCode::kPermissionDenied, "user={} is not the owner of path={}",
                              caller.user, path);
}

// For what changes the understore.
Status Master::CheckWritable(const ResolvedKey& resolved, const std::string& path) {
  const state::Mount& mount = mounts_.at(resolved.mount_id);
  if (!mount.read_only()) return absl::OkStatus();
  return spillway::MakeStatus(StatusCode::kPermissionDenied,
                              "{} cannot be changed: it lies in the read-only mount {}.", path,
                              mount.path());
}

}  // namespace spillway
