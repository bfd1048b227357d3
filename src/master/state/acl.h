// POSIX access control lists of inodes: the mode holds owner, owning group and others; named users
// and groups and the mask are entries. As in Alluxio, the mode's group bits stay the owning group's
// when there is a mask.
#pragma once

#include <string>
#include <vector>

#include "api/types.h"
#include "common/status.h"
#include "state.pb.h"

namespace spillway {

// Whether user with groups has bits on inode.
bool AclAllows(const state::Inode& inode, const std::string& user,
               const std::vector<std::string>& groups, int bits);

// Carries action out on inode. INVALID_ARGUMENT for entries that make no list, or defaults of a
// file.
Status ChangeAcl(AclAction action, const std::vector<AclEntry>& entries, state::Inode* inode);

// What child begins with in parent: mode is what its creator asked for.
void InheritAcl(const state::Inode& parent, state::Inode* child);

std::vector<AclEntry> AclOf(const state::Inode& inode);
std::vector<AclEntry> DefaultAclOf(const state::Inode& inode);

}  // namespace spillway
