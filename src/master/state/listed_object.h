// What a listing of the understore says of the namespace. Pure.
#pragma once

#include <string>

#include "api/damaged.h"
#include "state.pb.h"
#include "understore/under_store.h"

namespace spillway {

// The last component of key; empty for what cannot be a name.
std::string NameOfKey(const std::string& key);

// Leaves out of page what cannot be named below a namespace folder of that path (common/names.h),
// and says what that was; folder is left for the caller to fill in.
LeftOut LeaveOutUnnamed(const std::string& folder, ListPage* page);

// True if another content than the inode's stands at its key.
bool HasChanged(const state::Inode& inode, const ObjectInfo& object);

}  // namespace spillway
