#include "master/state/acl.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace spillway {
namespace {

// A whole list: the three base entries, named ones, and perhaps a mask.
struct List {
  int owner = 0;
  int group = 0;
  int other = 0;
  std::map<std::string, int> users;
  std::map<std::string, int> groups;
  std::optional<int> mask;

  bool extended() const { return !users.empty() || !groups.empty() || mask.has_value(); }

  int* Base(AclEntryType type) {
    switch (type) {
      case AclEntryType::kOwner:
        return &owner;
      case AclEntryType::kOwningGroup:
        return &group;
      case AclEntryType::kOther:
        return &other;
      default:
        return nullptr;
    }
  }
  std::map<std::string, int>& Named(AclEntryType type) {
    return type == AclEntryType::kNamedUser ? users : groups;
  }

  void Set(AclEntryType type, const std::string& subject, int bits) {
    if (int* base = Base(type)) {
      *base = bits;
    } else if (type == AclEntryType::kMask) {
      mask = bits;
    } else {
      Named(type)[subject] = bits;
    }
  }

  // The union of what the mask limits.
  void UpdateMask() {
    int bits = group;
    for (const auto& [name, named] : users) bits |= named;
    for (const auto& [name, named] : groups) bits |= named;
    mask = bits;
  }

  int mode() const { return owner << 6 | group << 3 | other; }
};

List FromMode(uint32_t mode) {
  List list;
  list.owner = static_cast<int>(mode >> 6 & 7);
  list.group = static_cast<int>(mode >> 3 & 7);
  list.other = static_cast<int>(mode & 7);
  return list;
}

template <typename Entries>
void Read(const Entries& entries, List* list) {
  for (const state::AclEntry& entry : entries)
    list->Set(static_cast<AclEntryType>(entry.type()), entry.subject(),
              static_cast<int>(entry.bits()));
}

List AccessOf(const state::Inode& inode) {
  List list = FromMode(inode.mode());
  Read(inode.acl(), &list);
  return list;
}

template <typename Entries>
void Write(const List& list, bool base, Entries* entries) {
  entries->Clear();
  const auto add = [&](state::AclEntryType type, const std::string& subject, int bits) {
    auto* entry = entries->Add();
    entry->set_type(type);
    entry->set_subject(subject);
    entry->set_bits(static_cast<uint32_t>(bits));
  };
  if (base) add(state::ACL_OWNER, "", list.owner);
  for (const auto& [name, bits] : list.users) add(state::ACL_NAMED_USER, name, bits);
  if (base) add(state::ACL_OWNING_GROUP, "", list.group);
  for (const auto& [name, bits] : list.groups) add(state::ACL_NAMED_GROUP, name, bits);
  if (list.mask) add(state::ACL_MASK, "", *list.mask);
  if (base) add(state::ACL_OTHER, "", list.other);
}

void WriteAccess(const List& list, state::Inode* inode) {
  inode->set_mode(static_cast<uint32_t>(list.mode()));
  Write(list, /*base=*/false, inode->mutable_acl());
}

Status SetAll(const std::vector<AclEntry>& entries, List* list) {
  bool mask = false;
  for (const AclEntry& entry : entries) {
    const bool named =
        entry.type == AclEntryType::kNamedUser || entry.type == AclEntryType::kNamedGroup;
    if (named && entry.subject.empty())
      return InvalidArgument("An ACL entry of a named user or group needs a name.");
    list->Set(entry.type, entry.subject, entry.bits & 7);
    mask = mask || entry.type == AclEntryType::kMask;
  }
  if (list->extended() && !mask) list->UpdateMask();
  return absl::OkStatus();
}

Status Replace(const std::vector<AclEntry>& entries, List* list) {
  const auto has = [&](AclEntryType type) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const AclEntry& entry) { return entry.type == type; });
  };
  for (const auto& [type, name] : {std::pair{AclEntryType::kOwner, "user"},
                                   {AclEntryType::kOwningGroup, "group"},
                                   {AclEntryType::kOther, "other"}}) {
    if (!has(type))
      return InvalidArgument(
          "A full list of ACL entries needs those of the owning user, the owning group and others: "
          "{}:: is missing.",
          name);
  }
  *list = List();
  return SetAll(entries, list);
}

Status RemoveEntries(const std::vector<AclEntry>& entries, List* list) {
  bool mask = false;
  for (const AclEntry& entry : entries) {
    if (list->Base(entry.type) != nullptr) {
      return InvalidArgument("The ACL entries of the owner, the owning group and others stay.");
    }
    if (entry.type == AclEntryType::kMask) {
      mask = true;
    } else {
      list->Named(entry.type).erase(entry.subject);
    }
  }
  const bool named = !list->users.empty() || !list->groups.empty();
  if (mask || !named) list->mask.reset();
  if (named) list->UpdateMask();
  return absl::OkStatus();
}

Status Change(AclAction action, const std::vector<AclEntry>& entries, List* list) {
  switch (action) {
    case AclAction::kReplace:
      return Replace(entries, list);
    case AclAction::kModify:
      return SetAll(entries, list);
    default:
      return RemoveEntries(entries, list);
  }
}

std::vector<AclEntry> ToEntries(const google::protobuf::RepeatedPtrField<state::AclEntry>& from,
                                bool is_default) {
  std::vector<AclEntry> entries;
  for (const state::AclEntry& entry : from)
    entries.push_back({static_cast<AclEntryType>(entry.type()), entry.subject(),
                       static_cast<int>(entry.bits()), is_default});
  return entries;
}

}  // namespace

bool AclAllows(const state::Inode& inode, const std::string& user,
               const std::vector<std::string>& groups, int bits) {
  const int mode = static_cast<int>(inode.mode());
  if (user == inode.owner()) return (mode >> 6 & bits) == bits;
  const auto member = [&](const std::string& group) {
    return std::find(groups.begin(), groups.end(), group) != groups.end();
  };
  if (inode.acl().empty()) return (mode >> (member(inode.group()) ? 3 : 0) & bits) == bits;
  const List list = AccessOf(inode);
  const int mask = list.mask.value_or(7);
  if (const auto it = list.users.find(user); it != list.users.end())
    return (it->second & mask & bits) == bits;
  bool in_a_group = member(inode.group());
  int allowed = in_a_group ? list.group : 0;
  for (const auto& [name, named] : list.groups) {
    if (!member(name)) continue;
    in_a_group = true;
    allowed |= named;
  }
  if (in_a_group) return (allowed & mask & bits) == bits;
  return (list.other & bits) == bits;
}

Status ChangeAcl(AclAction action, const std::vector<AclEntry>& entries, state::Inode* inode) {
  if (action == AclAction::kRemoveDefault) {
    inode->clear_default_acl();
    return absl::OkStatus();
  }
  if (action == AclAction::kRemoveAll) {
    inode->clear_acl();
    return absl::OkStatus();
  }
  std::vector<AclEntry> access;
  std::vector<AclEntry> defaults;
  for (const AclEntry& entry : entries) (entry.is_default ? defaults : access).push_back(entry);
  if (!defaults.empty() && !inode->is_directory())
    return InvalidArgument("Default ACL entries are for directories, {} is a file.", inode->name());
  if (!access.empty()) {
    List list = AccessOf(*inode);
    SPILLWAY_RETURN_IF_ERROR(Change(action, access, &list));
    WriteAccess(list, inode);
  }
  if (!defaults.empty()) {
    List list = FromMode(inode->mode());  // what is not said is as on the directory itself
    Read(inode->default_acl(), &list);
    SPILLWAY_RETURN_IF_ERROR(Change(action, defaults, &list));
    Write(list, /*base=*/true, inode->mutable_default_acl());
  }
  return absl::OkStatus();
}

void InheritAcl(const state::Inode& parent, state::Inode* child) {
  if (parent.default_acl().empty()) return;
  List list;
  Read(parent.default_acl(), &list);
  const List asked = FromMode(child->mode());
  list.owner &= asked.owner;
  list.other &= asked.other;
  if (list.mask) {
    *list.mask &= asked.group;
  } else {
    list.group &= asked.group;
  }
  WriteAccess(list, child);
  if (child->is_directory()) *child->mutable_default_acl() = parent.default_acl();
}

std::vector<AclEntry> AclOf(const state::Inode& inode) { return ToEntries(inode.acl(), false); }

std::vector<AclEntry> DefaultAclOf(const state::Inode& inode) {
  return ToEntries(inode.default_acl(), true);
}

}  // namespace spillway
