// What a listing of the understore says of the namespace. Pure.
#pragma once

#include <string>

#include "state.pb.h"
#include "understore/under_store.h"

namespace spillway {

// The last component of key; empty for what cannot be a name.
std::string NameOfKey(const std::string& key);

// True if another content than the inode's stands at its key.
bool HasChanged(const state::Inode& inode, const ObjectInfo& object);

}  // namespace spillway
